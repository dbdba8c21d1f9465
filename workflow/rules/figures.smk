# All figures, in three jobs: those of faces, of embeddings, and of the results. Each module says what it is drawn from.
AUGMENTATION = configs.training_of(STUDY, STUDY.reference).augmentation.model_dump()  # which `samples` shows

for JOB, NAMES in DRAWN.items():
    if NAMES:

        rule:
            name:
                f"figures_of_{JOB}"
            input:
                drawn_from(NAMES),
            output:
                drawings(NAMES),
            log:
                f"{RESULTS}/logs/figures/{JOB}.log",
            benchmark:
                f"{RESULTS}/benchmarks/figures/{JOB}.tsv"
            threads: 1
            resources:
                mem_mb=1500,
                runtime=10,
            params:
                names=NAMES,
                faces=faces_from if JOB == "faces" else None,
                augmentation=AUGMENTATION if JOB == "faces" else None,
                code=code(*map(figures.module_name, NAMES), "emorec.figures.stage"),
                config=CONFIG,
            message:
                f"figures: of the {JOB}"
            shell:
                "emorec figure --name {params.names:q} --config {params.config:q} --log {log:q}"
