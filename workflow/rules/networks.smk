# A network and seed is one job: it is trained, and says what it says of val and test. Where weights were brought along,
# the latter is all there is to do, in one job, however old or new they are; where outputs were, nothing is. All networks
# on a GPU of this machine are one job.
if FROM == "weights":

    # What is there of them is begun anew: Snakemake deletes it before the job.
    rule outputs:
        input:
            faces=faces(),
            weights=trained("weights.safetensors"),
            records=trained("network.json"),
        output:
            outputs=trained("outputs.npz"),
        log:
            f"{RESULTS}/logs/outputs.log",
        benchmark:
            f"{RESULTS}/benchmarks/outputs.tsv"
        threads: max(spec.training.threads for spec in NETWORKS.values())
        resources:
            mem_mb=4000,
            runtime=120,
            gpu=int(any(on_gpu(spec.training) for spec in NETWORKS.values())),
        params:
            faces=faces_from,
            code=code("emorec.networks.stage:outputs", comments=False),
            config=CONFIG,
        message:
            "outputs: what all networks say of val and test"
        shell:
            "emorec networks --config {params.config:q} --log {log:q}"

elif ONE_PROCESS:

    # The stamp and found groupings are its output: networks that are there and still right are left alone.
    rule networks:
        input:
            faces=faces(),
            twins=left_out(*(spec.training for spec in NETWORKS.values())),
        output:
            stamp=STAMP,
            groupings=[f"{RESULTS}/groupings/{name}.json" for name in configs.spectral_groupings(STUDY)],
        log:
            f"{RESULTS}/logs/networks.log",
        benchmark:
            f"{RESULTS}/benchmarks/networks.tsv"
        threads: max(spec.training.threads for spec in NETWORKS.values())
        resources:
            mem_mb=8000,
            runtime=720,
            gpu=1,
        params:
            specs=[NETWORKS[part.network].decisive(part.seed) for part in configs.all_parts(STUDY)],
            faces=faces_from,
            code=code("emorec.networks.stage:train", "emorec.groupings.find:find", comments=False),
            config=CONFIG,
        message:
            "networks: all of the study, one after the other on the GPU"
        shell:
            "emorec networks --renew --stamp {output.stamp:q} --config {params.config:q} --log {log:q}"

elif FROM == "pixels":

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
            spec=lambda wildcards: NETWORKS[wildcards.network].decisive(int(wildcards.seed)),
            faces=faces_from,
            code=code("emorec.networks.stage:train", comments=False),
            config=CONFIG,
        message:
            "train: network {wildcards.network}, seed {wildcards.seed}"
        shell:
            "emorec train --config {params.config:q} --network {wildcards.network:q} --seed {wildcards.seed} --log {log:q}"
