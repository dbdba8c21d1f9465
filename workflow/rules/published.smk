# In the place of data, networks and predictions, where a study is rebuilt from what was published of it.
# What was published is taken before it is made: these tables need pixels or embeddings.
ruleorder: unpack > pixels > embeddings


rule unpack:
    input:
        manifest=f"{PUBLISHED}/manifest.json",
        files=[f"{PUBLISHED}/{name}" for name in MANIFEST.files],
    output:
        f"{RESULTS}/published.json",
        [f"{RESULTS}/{name}" for name in rebuild.manifest.rebuilt_from(MANIFEST.files).values()],
        [f"{RESULTS}/{name}" for name in rebuild.manifest.rebuilt_networks(STUDY)],
    log:
        f"{RESULTS}/logs/published.log",
    benchmark:
        f"{RESULTS}/benchmarks/published.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.published.rebuild:unpack"),
        published=PUBLISHED,
        config=CONFIG,
    message:
        "published: {params.published}"
    shell:
        "emorec unpack --config {params.config:q} --published {params.published:q} --log {log:q}"
