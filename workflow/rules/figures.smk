# All figures, in three jobs: those of faces, of embeddings, and of the results. Each module says what it is drawn from.
rule figures_of_results:
    input:
        drawn_from(DRAWN["of-results"]),
    output:
        drawings(DRAWN["of-results"]),
    log:
        f"{RESULTS}/logs/figures/of-results.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/of-results.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        names=DRAWN["of-results"],
        code=code(*map(figures.module_name, DRAWN["of-results"]), "emorec.figures.stage"),
        config=CONFIG,
    message:
        "figures: of the results"
    shell:
        "emorec figures --name {params.names:q} --config {params.config:q} --log {log:q}"


if STUDY.has_report:

    use rule figures_of_results as figures_of_embeddings with:
        input:
            drawn_from(DRAWN["of-embeddings"]),
        output:
            drawings(DRAWN["of-embeddings"]),
        log:
            f"{RESULTS}/logs/figures/of-embeddings.log",
        benchmark:
            f"{RESULTS}/benchmarks/figures/of-embeddings.tsv"
        params:
            names=DRAWN["of-embeddings"],
            code=code(*map(figures.module_name, DRAWN["of-embeddings"]), "emorec.figures.stage"),
            config=CONFIG,
        message:
            "figures: of the embeddings"


if DRAWN.get("of-faces"):

    use rule figures_of_results as figures_of_faces with:
        input:
            drawn_from(DRAWN["of-faces"]),
        output:
            drawings(DRAWN["of-faces"]),
        log:
            f"{RESULTS}/logs/figures/of-faces.log",
        benchmark:
            f"{RESULTS}/benchmarks/figures/of-faces.tsv"
        params:
            names=DRAWN["of-faces"],
            faces=faces_from,
            code=code(*map(figures.module_name, DRAWN["of-faces"]), "emorec.figures.stage"),
            augmentation=configs.training_of(STUDY, STUDY.reference).augmentation.model_dump(),
            config=CONFIG,
        message:
            "figures: of the faces"
