rule combine:
    input:
        outputs=trained("outputs.npz"),
        records=trained("network.json"),
        twins=left_out(*(spec.training for spec in NETWORKS.values())),
    output:
        predictions=f"{RESULTS}/predictions.parquet",
        embeddings=embeddings(),
    log:
        f"{RESULTS}/logs/combine.log",
    benchmark:
        f"{RESULTS}/benchmarks/combine.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("emorec.predictions.stage"),
        composition=composition(),
        config=CONFIG,
    message:
        "predictions: networks to models"
    shell:
        "emorec combine --config {params.config:q} --log {log:q}"
