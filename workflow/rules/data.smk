# What decides the networks, and apart from it what is only told of the faces. Both are known by the content of what they are
# made from: the files themselves, which may lie anywhere, are no inputs.
rule data:
    output:
        faces=f"{RESULTS}/data/faces.npz",
        fingerprint=f"{RESULTS}/data/fingerprint",
        truth=([f"{RESULTS}/data/truth.npz"] if STUDY.data.source == "synthetic" else []),
    log:
        f"{RESULTS}/logs/data.log",
    benchmark:
        f"{RESULTS}/benchmarks/data.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        faces=faces_from,
        config=CONFIG,
    message:
        "data: faces of study {STUDY.study}"
    shell:
        "emorec data --faces-only --config {params.config:q} --log {log:q}"


rule summary:
    input:
        faces=faces(),
    output:
        summary=f"{RESULTS}/data/summary.json",
        votes=([f"{RESULTS}/data/votes.npz"] if votes_source() else []),
    log:
        f"{RESULTS}/logs/summary.log",
    benchmark:
        f"{RESULTS}/benchmarks/summary.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        faces=faces_from,
        votes=votes_from,
        code=code("emorec.data.prepare:stage"),
        config=CONFIG,
    message:
        "data: what there is of each emotion"
    shell:
        "emorec summary --config {params.config:q} --log {log:q}"


# Which faces leak by a twin; made where a network is trained without them.
rule twins:
    input:
        faces=faces(),
    output:
        f"{RESULTS}/data/twins.npz",
    log:
        f"{RESULTS}/logs/twins.log",
    benchmark:
        f"{RESULTS}/benchmarks/twins.tsv"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        faces=faces_from,
        code=code("emorec.data.twins:leaking", comments=False),
        config=CONFIG,
    message:
        "twins: faces with a copy in a later split"
    shell:
        "emorec twins --config {params.config:q} --log {log:q}"
