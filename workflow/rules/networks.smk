# A network and seed is one job: it is trained, and says what it says of val and test. Where weights were brought along,
# the latter is all there is to do, however old or new they are.
if FROM == "weights":

    rule outputs:
        input:
            faces=faces(),
            weights=f"{RESULTS}/networks/{{network}}/seed{{seed}}/weights.safetensors",
            record=f"{RESULTS}/networks/{{network}}/seed{{seed}}/network.json",
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
            faces=faces_from,
            code=code("emorec.networks.stage:outputs", comments=False),
            config=CONFIG,
        message:
            "outputs: network {wildcards.network}, seed {wildcards.seed}, on val and test"
        shell:
            "emorec outputs --config {params.config:q} --network {wildcards.network:q} --seed {wildcards.seed} --log {log:q}"

else:

    rule train:
        input:
            faces=faces(),
            grouping=grouping_file,
            start=starting_weights,
            twins=twins_file,
        output:
            weights=f"{RESULTS}/networks/{{network}}/seed{{seed}}/weights.safetensors",
            history=f"{RESULTS}/networks/{{network}}/seed{{seed}}/history.csv",
            record=f"{RESULTS}/networks/{{network}}/seed{{seed}}/network.json",
            outputs=f"{RESULTS}/networks/{{network}}/seed{{seed}}/outputs.npz",
        log:
            f"{RESULTS}/logs/train/{{network}}/seed{{seed}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/train/{{network}}/seed{{seed}}.tsv"
        threads: lambda wildcards: training(wildcards).threads
        resources:
            mem_mb=4000,
            runtime=240,
            gpu=gpus,
        params:
            spec=lambda wildcards: NETWORKS[wildcards.network].to_dict(int(wildcards.seed)),
            faces=faces_from,
            code=code("emorec.networks.stage:train", comments=False),
            config=CONFIG,
        message:
            "train: network {wildcards.network}, seed {wildcards.seed}"
        shell:
            "emorec train --config {params.config:q} --network {wildcards.network:q} --seed {wildcards.seed} --log {log:q}"
