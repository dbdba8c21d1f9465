rule combine:
    input:
        outputs=parts_of("outputs.npz"),
        records=parts_of("network.json"),
    output:
        predictions=f"{RESULTS}/predictions/{{model}}/seed{{seed}}.parquet",
        embeddings=f"{RESULTS}/embeddings/{{model}}/seed{{seed}}.npz",
    log:
        f"{RESULTS}/logs/combine/{{model}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/combine/{{model}}/seed{{seed}}.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("emorec.predictions.stage"),
        composition=composition,
        config=CONFIG,
    message:
        "combine: model {wildcards.model}, seed {wildcards.seed}"
    shell:
        "emorec combine --config {params.config:q} --model {wildcards.model:q} --seed {wildcards.seed} --log {log:q}"
