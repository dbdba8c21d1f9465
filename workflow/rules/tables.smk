rule costs:
    input:
        records=trained("network.json"),
        speeds=trained("speed.json"),
        summary=f"{RESULTS}/data/summary.json",
    output:
        models=report(
            f"{RESULTS}/tables/models.csv",
            caption="../captions/models.rst",
            category="Tables",
            labels={"table": "models and their cost"},
        ),
    log:
        f"{RESULTS}/logs/tables/costs.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/costs.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.tables.groups:costs"),
        models={name: entry.model_dump() for name, entry in STUDY.models.items()},
        seeds=STUDY.seeds,
        config=CONFIG,
    message:
        "tables: what each model costs and is compared with"
    shell:
        "emorec tables --group costs --config {params.config:q} --log {log:q}"


rule classes:
    input:
        summary=f"{RESULTS}/data/summary.json",
    output:
        f"{RESULTS}/tables/classes.csv",
    log:
        f"{RESULTS}/logs/tables/classes.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/classes.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.tables.groups:classes"),
        config=CONFIG,
    message:
        "tables: faces of each emotion"
    shell:
        "emorec tables --group classes --config {params.config:q} --log {log:q}"


rule curves:
    input:
        histories=trained("history.csv"),
        records=trained("network.json"),
    output:
        f"{RESULTS}/tables/curves.csv",
    log:
        f"{RESULTS}/logs/tables/curves.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/curves.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.tables.groups:curves"),
        config=CONFIG,
    message:
        "tables: training histories"
    shell:
        "emorec tables --group curves --config {params.config:q} --log {log:q}"


rule scores:
    input:
        predictions=predictions(),
    output:
        multiext(f"{RESULTS}/tables/", "scores.csv", "recall.csv", "confusion.csv", "pairs.csv", "spread.csv"),
        summary=report(
            f"{RESULTS}/tables/summary.csv",
            caption="../captions/summary.rst",
            category="Tables",
            labels={"table": "scores"},
        ),
    log:
        f"{RESULTS}/logs/tables/scores.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/scores.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code("emorec.tables.groups:scores"),
        models=list(STUDY.models),
        config=CONFIG,
    message:
        "tables: each model's scores"
    shell:
        "emorec tables --group scores --config {params.config:q} --log {log:q}"


rule gates:
    input:
        predictions=predictions(),
        records=trained("network.json"),
    output:
        multiext(f"{RESULTS}/tables/", "gate.csv", "gate_use.csv"),
    log:
        f"{RESULTS}/logs/tables/gates.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/gates.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("emorec.tables.groups:gates"),
        models={name: entry.kind for name, entry in STUDY.models.items()},
        config=CONFIG,
    message:
        "tables: how the gates share the faces out"
    shell:
        "emorec tables --group gates --config {params.config:q} --log {log:q}"


rule groupings:
    input:
        predictions=[f"{RESULTS}/predictions/{STUDY.reference}/seed{seed}.parquet" for seed in STUDY.seeds],
        found=[f"{RESULTS}/groupings/{name}.json" for name in configs.spectral_groupings(STUDY)],
    output:
        f"{RESULTS}/tables/groupings.csv",
    log:
        f"{RESULTS}/logs/tables/groupings.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/groupings.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        code=code("emorec.tables.groups:groupings"),
        groupings=STUDY.model_dump()["groupings"],
        models=list(STUDY.models),
        config=CONFIG,
    message:
        "tables: groupings, and the confusions within their groups"
    shell:
        "emorec tables --group groupings --config {params.config:q} --log {log:q}"


rule calibration:
    input:
        predictions=predictions(),
    output:
        multiext(
            f"{RESULTS}/tables/", "calibration.csv", "calibration_summary.csv", "reliability.csv", "risk_coverage.csv"
        ),
    log:
        f"{RESULTS}/logs/tables/calibration.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/calibration.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("emorec.tables.groups:calibration"),
        models=list(STUDY.models),
        config=CONFIG,
    message:
        "tables: how far the probabilities can be trusted"
    shell:
        "emorec tables --group calibration --config {params.config:q} --log {log:q}"


rule comparisons:
    input:
        predictions=predictions(),
        models=rules.costs.output.models,
    output:
        comparisons=report(
            f"{RESULTS}/tables/comparisons.csv",
            caption="../captions/comparisons.rst",
            category="Tables",
            labels={"table": "comparisons"},
        ),
        others=multiext(
            f"{RESULTS}/tables/", "pair_comparisons.csv", "error_flow.csv", "other_singles.csv", "oracle.csv"
        ),
    log:
        f"{RESULTS}/logs/tables/comparisons.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/comparisons.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=15,
    params:
        code=code("emorec.tables.groups:comparisons"),
        models={name: entry.kind for name, entry in STUDY.models.items()},
        config=CONFIG,
    message:
        "tables: models against each other"
    shell:
        "emorec tables --group comparisons --config {params.config:q} --log {log:q}"


rule audit:
    input:
        faces=faces(),
    output:
        audit=f"{RESULTS}/tables/audit.csv",
        twins=f"{RESULTS}/tables/twins.csv",
    log:
        f"{RESULTS}/logs/tables/audit.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/audit.tsv"
    threads: 2
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        faces=faces_from,
        code=code("emorec.tables.groups:audit"),
        config=CONFIG,
    message:
        "tables: copies and near-copies of faces"
    shell:
        "emorec tables --group audit --config {params.config:q} --log {log:q}"


rule without_twins:
    input:
        predictions=predictions(),
        models=rules.costs.output.models,
        twins=f"{RESULTS}/tables/twins.csv",
    output:
        f"{RESULTS}/tables/without_twins.csv",
    log:
        f"{RESULTS}/logs/tables/without_twins.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/without_twins.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=15,
    params:
        code=code("emorec.tables.groups:without_twins"),
        models={name: entry.kind for name, entry in STUDY.models.items()},
        config=CONFIG,
    message:
        "tables: results without test faces that training has seen"
    shell:
        "emorec tables --group without_twins --config {params.config:q} --log {log:q}"


rule ferplus:
    input:
        predictions=predictions(),
        models=rules.costs.output.models,
        votes=f"{RESULTS}/data/votes.npz",
    output:
        multiext(f"{RESULTS}/tables/", "ferplus.csv", "by_majority.csv"),
    log:
        f"{RESULTS}/logs/tables/ferplus.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/ferplus.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=15,
    params:
        code=code("emorec.tables.groups:ferplus"),
        models={name: entry.kind for name, entry in STUDY.models.items()},
        config=CONFIG,
    message:
        "tables: labels and models against FER+'s votes"
    shell:
        "emorec tables --group ferplus --config {params.config:q} --log {log:q}"


rule truth:
    input:
        predictions=predictions(),
        records=trained("network.json"),
        truth=f"{RESULTS}/data/truth.npz",
    output:
        multiext(f"{RESULTS}/tables/", "truth.csv", "truth_summary.csv", "planted.csv"),
    log:
        f"{RESULTS}/logs/tables/truth.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/truth.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code("emorec.tables.groups:truth"),
        models=list(STUDY.models),
        wrong_labels=STUDY.data.synthetic.wrong_labels,
        config=CONFIG,
    message:
        "tables: models against what was planted in the faces"
    shell:
        "emorec tables --group truth --config {params.config:q} --log {log:q}"


rule representation:
    input:
        predictions=predictions(),
        embeddings=embeddings(),
        models=rules.costs.output.models,
    output:
        multiext(f"{RESULTS}/tables/", "representation.csv", "purity.csv", "projections.csv"),
    log:
        f"{RESULTS}/logs/tables/representation.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/representation.tsv"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("emorec.tables.groups:representation"),
        models={name: entry.kind for name, entry in STUDY.models.items()},
        config=CONFIG,
    message:
        "tables: the learned representations, PCA and t-SNE"
    shell:
        "emorec tables --group representation --config {params.config:q} --log {log:q}"


rule claims:
    input:
        predictions=predictions(),
        models=rules.costs.output.models,
        others=other_terms(),
    output:
        report(
            f"{RESULTS}/tables/claims.csv",
            caption="../captions/claims.rst",
            category="Tables",
            labels={"table": "claims"},
        ),
    log:
        f"{RESULTS}/logs/tables/claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/claims.tsv"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        code=code("emorec.tables.groups:claims"),
        models={name: configs.label(STUDY, name) for name in STUDY.models},
        config=CONFIG,
    message:
        "tables: claims and what the intervals say of them"
    shell:
        "emorec tables --group claims --config {params.config:q} --log {log:q}"
