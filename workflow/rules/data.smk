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
