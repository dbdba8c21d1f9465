# One rule for all figures: each module says what its figure is drawn from.
rule figure:
    input:
        data=drawn_from,
    output:
        svg=f"{RESULTS}/figures/{{figure}}.svg",
        png=report(
            f"{RESULTS}/figures/{{figure}}.png",
            caption="../captions/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
    log:
        f"{RESULTS}/logs/figures/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/figures/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(figures.FIGURES),
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        faces=lambda wildcards: faces_from() if "data/faces.npz" in figures.inputs(wildcards.figure) else None,
        code=lambda wildcards: closure.digest("emorec.figures.stage", figures.module_name(wildcards.figure)),
        augmentation=lambda wildcards: (
            configs.training_of(STUDY, STUDY.reference).augmentation.model_dump()
            if wildcards.figure == "samples"
            else None
        ),
        config=CONFIG,
    message:
        "figures: {wildcards.figure}"
    shell:
        "emorec figure --name {wildcards.figure:q} --config {params.config:q} --log {log:q}"
