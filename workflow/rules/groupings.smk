# Between the single networks and the experts: who shares one, where the config leaves that to the faces. Networks that are
# one job find it themselves.
rule grouping:
    input:
        outputs=[network_file(STUDY.reference, seed, "outputs.npz") for seed in STUDY.seeds],
        twins=left_out(NETWORKS[STUDY.reference].training),
    output:
        f"{RESULTS}/groupings/{{grouping}}.json",
    log:
        f"{RESULTS}/logs/groupings/{{grouping}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/groupings/{{grouping}}.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.groupings.find:find"),
        experts=lambda wildcards: configs.spectral_groupings(STUDY)[wildcards.grouping],
        config=CONFIG,
    message:
        "groupings: {wildcards.grouping}, from the confusions on val"
    shell:
        "emorec grouping --config {params.config:q} --grouping {wildcards.grouping:q} --log {log:q}"
