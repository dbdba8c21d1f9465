# What decides a network's weights: all of the stage but its files' form and the outputs.
TRAINER = ["size.py"] + [
    f"networks/{name}.py"
    for name in (
        "train start learner batches augment mixing balance average schedule device cuda build resnet mixture constant "
        "blocks whitening views"
    ).split()
]
# What decides what a trained network says.
OUTPUTS = "outputs views build resnet mixture constant blocks store files".split()


rule train:
    input:
        faces=rules.data.output.faces,
        grouping=grouping_file,
        start=starting_weights,
        code=modules(*TRAINER),
    output:
        weights=f"{RESULTS}/networks/{{network}}/seed{{seed}}/weights.safetensors",
        history=f"{RESULTS}/networks/{{network}}/seed{{seed}}/history.csv",
        record=f"{RESULTS}/networks/{{network}}/seed{{seed}}/network.json",
    log:
        f"{RESULTS}/logs/train/{{network}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train/{{network}}/seed{{seed}}.tsv"
    wildcard_constraints:
        network=trainable(),
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
        weights=f"{RESULTS}/networks/{{network}}/seed{{seed}}/weights.safetensors",
        record=f"{RESULTS}/networks/{{network}}/seed{{seed}}/network.json",
        code=modules(*(f"networks/{name}.py" for name in OUTPUTS)),
    output:
        outputs=f"{RESULTS}/networks/{{network}}/seed{{seed}}/outputs.npz",
    log:
        f"{RESULTS}/logs/outputs/{{network}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/outputs/{{network}}/seed{{seed}}.tsv"
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
