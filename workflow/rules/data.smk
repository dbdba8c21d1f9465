rule data:
    input:
        source=data_source(),
        votes=votes_source(),
        code=modules("data/*.py", "data/synthetic/*.py"),
    output:
        faces=f"{RESULTS}/data/faces.npz",
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
        data=STUDY.data.model_dump(),
        config=CONFIG,
    message:
        "data: faces of study {STUDY.study}"
    shell:
        "emorec data --config {params.config:q} --log {log:q}"
