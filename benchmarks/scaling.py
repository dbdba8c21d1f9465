"""What a study costs as its faces and its models grow: `python -m benchmarks.scaling`, JSON first, then tables.

Faces: the steps of one small network's life on synthetic faces of 1, 2, 4 and 8 times a size. Models: what Snakemake
takes to read the workflow and to find its jobs, and what tables take, for studies of more and more mixtures. All of it
at sizes that take minutes; each figure is of one run of a process: its processor time and its greatest memory, which
other work on the machine changes less than it changes wall time.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from benchmarks.schedule import jobs_of
from emorec import config as configs
from emorec.files import write_json
from emorec.paths import Layout
from emorec.predictions.store import read_predictions, write_predictions

FACES = {"train": 700, "val": 350, "test": 700}
TIMES = (1, 2, 4, 8)
MIXTURES = (1, 4, 16, 32)
MODELS = (1, 2, 4, 8)
GROUPS = ("embeddings", "results")
NETWORK = {"architecture": {"depth": 10, "width": 4, "stem": "imagenet"}, "training": {"epochs": 1, "device": "cpu"}}
# Its own children's time and memory, so that a process says them of one command alone.
MEASURE = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([done.returncode, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, done.stdout + done.stderr]))
"""


def measured(*command: str) -> tuple[dict[str, float], str]:
    """Processor seconds and greatest memory of a command, and what it printed."""
    found = subprocess.run([sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True).stdout
    status, seconds, memory, output = json.loads(found)
    if status:
        raise RuntimeError(f"{' '.join(command)}\n{output[-2000:]}")
    return {"seconds": seconds, "mib": memory}, output


def emorec(folder: Path, config: Path, *arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "emorec", *arguments]
    return measured(*command, "--config", str(config), "--results", str(folder))[0]


def write(folder: Path, study: dict[str, Any]) -> Path:
    path = folder / f"{study['study']}.yaml"
    path.write_text(yaml.safe_dump(study))
    return path


def by_faces(folder: Path) -> dict[int, dict[str, dict[str, float]]]:
    """Each step of one network's life, for 1, 2, 4 and 8 times the faces."""
    found = {}
    for times in TIMES:
        synthetic = {split: count * times for split, count in FACES.items()} | {"seed": 1}
        models = {"one": {"kind": "single"}}
        data = {"source": "synthetic", "synthetic": synthetic}
        study = NETWORK | {"study": f"faces-{times}", "seeds": [0], "data": data, "models": models}
        config = write(folder, study)
        steps = {
            "data": ["data"],
            "train, one epoch": ["train", "--network", "one", "--seed", "0"],
            "outputs": ["outputs", "--network", "one", "--seed", "0"],
            "combine": ["combine"],
            "tables: pixels": ["tables", "--group", "pixels"],
            **{f"tables: {group}": ["tables", "--group", group] for group in GROUPS},
        }
        found[times] = {name: emorec(folder, config, *arguments) for name, arguments in steps.items()}
    return found


def tables_by_models(folder: Path) -> dict[int, dict[str, dict[str, float]]]:
    """Tables of studies whose models are all copies of the one that `by_faces` trained, on the most faces."""
    source = Layout(folder / f"faces-{TIMES[-1]}")
    data = yaml.safe_load((folder / f"faces-{TIMES[-1]}.yaml").read_text())["data"]
    found = {}
    for count in MODELS:
        models = [f"model-{number}" for number in range(count)]
        entries = {name: {"kind": "single"} for name in models}
        study = NETWORK | {"study": f"models-{count}", "seeds": [0], "data": data, "models": entries}
        config = write(folder, study)
        layout = Layout(folder / study["study"])
        layout.summary.parent.mkdir(parents=True)
        shutil.copy(source.summary, layout.summary)
        for name in models:
            target = layout.embeddings(name, 0)
            target.parent.mkdir(parents=True)
            shutil.copy(source.embeddings("one", 0), target)
            network = layout.network(name, 0)
            network.mkdir(parents=True)
            shutil.copy(source.network("one", 0) / "history.csv", network)
            record = json.loads((source.network("one", 0) / "network.json").read_text())
            write_json(network / "network.json", record | {"network": name})
        predicted = read_predictions(source.predictions)
        write_predictions(layout.predictions, {(name, 0): predicted for name in models})
        found[count] = {f"tables: {group}": emorec(folder, config, "tables", "--group", group) for group in GROUPS}
    return found


def workflow_by_models(folder: Path) -> dict[int, dict[str, float]]:
    """Snakemake's time and memory for a study of so many mixtures and five seeds, and its numbers of jobs."""
    original = [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]]
    found = {}
    for count in MIXTURES:
        groupings: dict[str, Any] = {"original": original}
        groupings |= {f"random-{n}": {"method": "random", "like": "original", "seed": n} for n in range(1, count)}
        models: dict[str, Any] = {"resnet18": {"kind": "single"}}
        models |= {"ensemble": {"kind": "ensemble", "of": "resnet18", "members": 4}}
        models |= {f"mixture-{g}": {"kind": "mixture", "of": "resnet18", "grouping": g} for g in groupings}
        data = {"source": "synthetic"}
        study = {"study": f"mixtures-{count}", "seeds": [0, 1, 2, 3, 4], "data": data}
        study |= {"groupings": groupings, "models": models}
        config = write(folder, study)
        snakemake = [sys.executable, "-m", "snakemake", "--configfile", str(config)]
        parsed, _ = measured(*snakemake, "--list-rules")
        planned, output = measured(*snakemake, "--dry-run", "--quiet", "rules", "--cores", "1")
        total = re.search(r"^total\s+(\d+)", output, re.MULTILINE)
        assert total, output[-500:]
        loaded = configs.load(config)
        found[count] = {
            "trainings": len(configs.all_parts(loaded)),
            "jobs": int(total[1]),
            "submitted": len(jobs_of(loaded, rate=1, start=0, short=0, faces=1)),
            "parse_seconds": parsed["seconds"],
            "plan_seconds": planned["seconds"],
            "mib": planned["mib"],
        }
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        workflow, faces, models = workflow_by_models(folder), by_faces(folder), tables_by_models(folder)
    print(json.dumps({"benchmark": "scaling", "workflow": workflow, "faces": faces, "models": models}))
    print("\n| mixtures | trainings | jobs | submitted to Slurm | parse, s | plan, s | memory, MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for count, row in workflow.items():
        numbers = [f"{row[key]:.0f}" for key in ("trainings", "jobs", "submitted")]
        times = [f"{row[key]:.1f}" for key in ("parse_seconds", "plan_seconds")]
        print(f"| {' | '.join([str(count), *numbers, *times, format(row['mib'], '.0f')])} |")
    for title, found in (("faces, times", faces), ("models", models)):
        print(f"\n| processor s (MiB), by {title} | {' | '.join(map(str, found))} |")
        print("|---|" + "---:|" * len(found))
        for step in next(iter(found.values())):
            cells = [f"{row[step]['seconds']:.1f} ({row[step]['mib']:.0f})" for row in found.values()]
            print(f"| {step} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
