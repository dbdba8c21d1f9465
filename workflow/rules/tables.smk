# Every number of the report, in three jobs: what needs pixels, what needs embeddings, and the rest.
rule pixels:
    input:
        faces=faces(),
    output:
        tables_of(TABLES["pixels"]),
    log:
        f"{RESULTS}/logs/tables/pixels.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/pixels.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        faces=faces_from,
        code=code("emorec.tables.groups:pixels"),
        config=CONFIG,
    message:
        "tables: copies of test faces among the training faces"
    shell:
        "emorec tables --group pixels --config {params.config:q} --log {log:q}"


rule embeddings:
    input:
        embeddings=embeddings(),
        predictions=f"{RESULTS}/predictions.parquet",
        records=trained("network.json"),
        summary=f"{RESULTS}/data/summary.json",
    output:
        tables_of(TABLES["embeddings"]),
    log:
        f"{RESULTS}/logs/tables/embeddings.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/embeddings.tsv"
    priority: 1  # t-SNE takes longest of what follows the trainings
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("emorec.tables.groups:embeddings"),
        primary=STUDY.primary_mixture,
        config=CONFIG,
    message:
        "tables: how well the representations separate the emotions"
    shell:
        "emorec tables --group embeddings --config {params.config:q} --log {log:q}"


rule results:
    input:
        predictions=f"{RESULTS}/predictions.parquet",
        records=trained("network.json"),
        histories=trained("history.csv"),
        summary=f"{RESULTS}/data/summary.json",
        twins=[f"{RESULTS}/tables/twins.csv"] if STUDY.has_report else [],
        groupings=[f"{RESULTS}/groupings/{name}.json" for name in configs.spectral_groupings(STUDY)],
        votes=[f"{RESULTS}/data/votes.npz"] if has_votes() else [],
        truth=[f"{RESULTS}/data/truth.npz"] if STUDY.has_report and STUDY.data.source == "synthetic" else [],
    output:
        tables_of(results_tables(**KIND)),
    log:
        f"{RESULTS}/logs/tables/results.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/results.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("emorec.tables.groups:results"),
        models={name: entry.model_dump() for name, entry in STUDY.models.items()},
        seeds=STUDY.seeds,
        primary=STUDY.primary_mixture,
        config=CONFIG,
    message:
        "tables: scores, comparisons and verdicts"
    shell:
        "emorec tables --group results --config {params.config:q} --log {log:q}"
