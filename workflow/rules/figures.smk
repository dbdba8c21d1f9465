def drawn_from(wildcards):
    """The files that a figure is drawn from: its module names them, and the folder of predictions for all of them."""
    names = figures.inputs(wildcards.figure)
    own = [f"{RESULTS}/{name}" for name in names if name != "predictions"]
    return own + (predictions() if "predictions" in names else [])


# One rule for all figures.
rule figure:
    input:
        data=drawn_from,
        code=lambda wildcards: [str(figures.source(wildcards.figure)), "emorec/figures/style.py"],
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
