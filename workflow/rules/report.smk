rule stage:
    input:
        sources=report_sources(),
        tables=expand(f"{RESULTS}/tables/{{table}}.csv", table=report_tables()),
        figures=expand(f"{RESULTS}/figures/{{figure}}.svg", figure=SHOWN),
        summary=f"{RESULTS}/data/summary.json",
        manifest=([f"{RESULTS}/published.json"] if MANIFEST else []),
        records=trained("network.json"),
    output:
        directory(f"{RESULTS}/report/source"),
    log:
        f"{RESULTS}/logs/report/stage.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/stage.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.report.stage"),
        config=CONFIG,
    message:
        "report: numbers, tables and figures into the text"
    shell:
        "emorec stage --config {params.config:q} --log {log:q}"


rule render:
    input:
        rules.stage.output,
    output:
        html=report(
            f"{RESULTS}/report/emorec.html",
            caption="../captions/paper.rst",
            category="Paper",
            labels={"format": "HTML"},
        ),
        pdf=report(
            f"{RESULTS}/report/emorec.pdf",
            caption="../captions/paper.rst",
            category="Paper",
            labels={"format": "PDF"},
        ),
        letter=f"{RESULTS}/report/emorec-letter.pdf",
    log:
        f"{RESULTS}/logs/report/render.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/render.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("emorec.report.render"),
        config=CONFIG,
    message:
        "report: HTML and PDF"
    shell:
        "emorec report --config {params.config:q} --log {log:q}"


rule explorer:
    input:
        predictions=f"{RESULTS}/predictions.parquet",
        models=f"{RESULTS}/tables/models.csv",
        projections=f"{RESULTS}/tables/projections.csv",
        twins=f"{RESULTS}/tables/twins.csv",
        votes=[f"{RESULTS}/data/votes.npz"] if has_votes() else [],
        # Not part of what is published: the explorer is then made without pictures.
        faces=[] if FROM == "published" else faces(),
    output:
        f"{RESULTS}/report/explorer.html",
    log:
        f"{RESULTS}/logs/report/explorer.log",
    benchmark:
        f"{RESULTS}/benchmarks/report/explorer.tsv"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        faces=faces_from,
        code=code("emorec.explorer.stage"),
        config=CONFIG,
    message:
        "report: the explorer"
    shell:
        "emorec explorer --config {params.config:q} --log {log:q}"
