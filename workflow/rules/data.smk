rule data:
    output:
        faces=f"{RESULTS}/data/faces.npz",
        fingerprint=f"{RESULTS}/data/fingerprint",
        summary=f"{RESULTS}/data/summary.json",
        truth=([f"{RESULTS}/data/truth.npz"] if STUDY.data.source == "synthetic" else []),
        votes=([f"{RESULTS}/data/votes.npz"] if votes_source() else []),
    log:
        f"{RESULTS}/logs/data.log",
    benchmark:
        f"{RESULTS}/benchmarks/data.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        # Told by their content: the files themselves, which may lie anywhere, are no inputs.
        faces=faces_from,
        votes=votes_from,
        code=code("emorec.data.prepare:stage"),
        config=CONFIG,
    message:
        "data: faces of study {STUDY.study}"
    shell:
        "emorec data --config {params.config:q} --log {log:q}"


# Which faces leak by a twin; made where a network is trained without them.
rule twins:
    input:
        faces=ancient(rules.data.output.faces),
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
