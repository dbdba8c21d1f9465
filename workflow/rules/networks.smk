rule train:
    input:
        faces=rules.data.output.faces,
        code=modules("networks/train.py", "networks/resnet.py", "networks/augment.py", "networks/schedule.py"),
    output:
        weights=f"{RESULTS}/networks/{{network}}/seed{{seed}}/weights.safetensors",
        history=f"{RESULTS}/networks/{{network}}/seed{{seed}}/history.csv",
        record=f"{RESULTS}/networks/{{network}}/seed{{seed}}/network.json",
    log:
        f"{RESULTS}/logs/train/{{network}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{network}}/seed{{seed}}.tsv"
    conda:
        "../../environment.yml"
    threads: lambda wildcards: training(wildcards).threads
    resources:
        mem_mb=4000,
        runtime=240,
        gpu=gpus,
    params:
        spec=lambda wildcards: NETWORKS[wildcards.network].to_dict(),
        config=CONFIG,
    message:
        "train: network {wildcards.network}, seed {wildcards.seed}"
    shell:
        "emorec train --config {params.config:q} --network {wildcards.network:q} --seed {wildcards.seed} --log {log:q}"


rule outputs:
    input:
        faces=rules.data.output.faces,
        weights=rules.train.output.weights,
        record=rules.train.output.record,
        code=modules("networks/outputs.py", "networks/resnet.py", "networks/store.py"),
    output:
        f"{RESULTS}/networks/{{network}}/seed{{seed}}/outputs.npz",
    log:
        f"{RESULTS}/logs/outputs/{{network}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/outputs/{{network}}/seed{{seed}}.tsv"
    conda:
        "../../environment.yml"
    threads: lambda wildcards: training(wildcards).threads
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=gpus,
    params:
        config=CONFIG,
    message:
        "outputs: network {wildcards.network}, seed {wildcards.seed}, on val and test"
    shell:
        "emorec outputs --config {params.config:q} --network {wildcards.network:q} --seed {wildcards.seed} --log {log:q}"
