"""The workflow on a real Slurm of one node (slurm.py): what its jobs ask for, and that a job cut off goes on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import slurm
import yaml

from emorec import config as configs
from emorec.figures import JOBS
from emorec.paths import Layout
from tests import forked
from tests.checkout_copy import copy_checkout

ROOT = Path(__file__).resolve().parents[2]
PROFILE = "profiles/slurm"
MINI = "tests/mini.yaml"
IMPATIENT = Path(__file__).with_name("impatient.py")
TIMEOUT = 900

pytestmark = pytest.mark.cluster

# Two networks that train some seconds each; the second has a little more decay, so that it is another network.
CUT_OFF = {
    "study": "cut-off",
    "seeds": [0],
    "data": {"source": "synthetic", "synthetic": {"train": 280, "val": 140, "test": 280, "seed": 1}},
    "architecture": {"depth": 10, "width": 8, "stem": "imagenet"},
    "training": {"epochs": 60, "batch": 64, "lr": 0.05, "device": "cpu"},
    "models": {
        "cancelled": {"kind": "single"},
        "overdue": {"kind": "single", "training": {"weight_decay": 0.001}},
    },
}


@dataclass(frozen=True)
class Cluster:
    """A running Slurm. folder: its files."""

    folder: Path

    def environment(self, checkout: Path) -> dict[str, str]:
        """Of a user of this cluster who works in `checkout`."""
        programs = [str(self.folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        return os.environ | {"PATH": os.pathsep.join(programs), "PYTHONPATH": str(checkout)}

    def ask(self, *command: str) -> str:
        program = str(self.folder / "bin" / command[0])
        return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=True, timeout=60).stdout

    def jobs(self) -> dict[int, dict[str, str]]:
        """Slurm's own record of every job, by its number."""
        lines = [line for line in self.ask("scontrol", "show", "job", "--oneliner").splitlines() if "JobId=" in line]
        found = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines]
        return {int(job["JobId"]): job for job in found}

    def named(self, comment: str) -> list[dict[str, str]]:
        """The jobs whose comment, set by the executor, starts with rule or group."""
        return [job for _, job in sorted(self.jobs().items()) if job.get("Comment", "").startswith(comment)]

    def devices(self) -> dict[int, set[str]]:
        """The graphics cards of each job: what CUDA_VISIBLE_DEVICES said in its steps."""
        found: dict[int, set[str]] = {}
        for line in (self.folder / "devices.txt").read_text().splitlines():
            job, _, cards = line.split(" ")
            found.setdefault(int(job), set()).update(card for card in cards.split(",") if card not in ("", "none"))
        return found


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    missing = slurm.missing()
    if missing:
        reason = f"no Slurm here ({', '.join(missing)}); make slurm installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = tmp_path_factory.mktemp("slurm")
    command = [sys.executable, str(Path(slurm.__file__)), str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdin and server.stdout and server.stderr
        if server.stdout.readline() != b"ready\n":
            pytest.fail(server.stderr.read().decode(errors="replace"))
        try:
            yield Cluster(folder)
        finally:
            server.stdin.close()
            server.wait(60)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout's files with the profile's gaps filled in, as a user of the cluster would."""
    folder = copy_checkout(tmp_path_factory.mktemp("checkout"), MINI)
    profile = folder / PROFILE / "config.yaml"
    text, filled = re.subn(
        r"^    # slurm_partition: NAME", "    slurm_partition: gpus", profile.read_text(), flags=re.M
    )
    assert filled == 2
    profile.write_text(text)
    return folder


@contextmanager
def snakemake(
    cluster: Cluster, checkout: Path, profile: str, *arguments: str, fork: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """Snakemake as a user of the cluster starts it, but looking at its jobs more often; killed after the block.

    With `fork` its jobs' processes are forked (forked.py): for jobs that are not cut off.
    """
    env = cluster.environment(checkout)
    looks = ["--slurm-status-command", "squeue", "--latency-wait", "10"]
    command = [sys.executable, str(IMPATIENT), "--workflow-profile", profile, *looks]
    run = subprocess.Popen(
        [*command, *arguments],
        cwd=checkout,
        env=env | forked.environment(env["PATH"]) if fork else env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield run
    finally:
        if run.poll() is None:
            run.kill()
            run.communicate()


def minutes(limit: str) -> int:
    """Of a time that Slurm writes as [days-]hours:minutes:seconds."""
    days, _, clock = limit.rpartition("-")
    hours, mins, seconds = map(int, clock.split(":"))
    assert seconds == 0
    return (24 * int(days or 0) + hours) * 60 + mins


def tracked(job: dict[str, str]) -> dict[str, str]:
    """A job's TRES: what it was given of each resource."""
    return dict(part.split("=") for part in job["TRES"].split(","))


def memory_mb(job: dict[str, str]) -> int:
    """What a job was given of memory, in Slurm's own units."""
    amount = tracked(job)["mem"]
    return int(amount[:-1]) * {"M": 1, "G": 1024}[amount[-1]]


def first_attempt(value: str | int) -> int:
    """A number of the profile, which may stand as `4000 * attempt`."""
    return int(str(value).removesuffix(" * attempt"))


def wait_for(true: Callable[[], object], run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + TIMEOUT / 2
    while not true():
        if run.poll() is not None or time.monotonic() > deadline:
            run.kill()
            pytest.fail(f"Snakemake ended too soon:\n{run.communicate()[0][-4000:]}")
        time.sleep(0.05)


def test_the_mini_study_asks_slurm_for_what_the_profile_says(cluster: Cluster, checkout: Path) -> None:
    study = yaml.safe_load((checkout / MINI).read_text()) | {"seeds": [0]}
    # A mixture of networks trained apart, by a grouping that is found, has all rules that there are.
    study["models"] = {name: study["models"][name] for name in ("resnet18", "mixture-found")}
    (checkout / "few.yaml").write_text(yaml.safe_dump(study))
    with snakemake(cluster, checkout, PROFILE, "--configfile", "few.yaml", fork=True) as run:
        said = run.communicate(timeout=TIMEOUT)[0]
    assert run.returncode == 0, said[-6000:]
    study = configs.load(checkout / "results" / "mini" / "config.yaml")
    layout = Layout(checkout / "results" / "mini")
    assert (layout.report / "emorec.pdf").read_bytes().startswith(b"%PDF-")

    jobs = cluster.jobs()
    assert {job["JobState"] for job in jobs.values()} == {"COMPLETED"}
    parts = configs.all_parts(study)
    trainings = {job["Comment"]: job for job in cluster.named("rule_train_")}
    assert set(trainings) == {f"rule_train_wildcards_{part.network}_{part.seed}" for part in parts}
    # Beside them: the data, the grouping, and all that follows.
    assert len(jobs) == len(parts) + 1 + 1 + 1

    wanted = yaml.safe_load((checkout / PROFILE / "config.yaml").read_text())["set-resources"]["train"]
    devices = cluster.devices()
    for job in trainings.values():
        assert job["Partition"] == "gpus"
        assert job["TresPerJob"] == f"gres:gpu:{wanted['gpu']}"  # by --gpus
        assert memory_mb(job) == first_attempt(wanted["mem_mb"])
        assert tracked(job)["cpu"] == str(study.training.threads)
        assert minutes(job["TimeLimit"]) == first_attempt(wanted["runtime"])
        assert job["Requeue"] == "1"
        assert len(devices[int(job["JobId"])]) == 1
    for one in trainings.values():
        for other in trainings.values():
            together = one["StartTime"] < other["EndTime"] and other["StartTime"] < one["EndTime"]
            if together and one is not other:
                assert devices[int(one["JobId"])] != devices[int(other["JobId"])], "two jobs on one card"
    assert {card for cards in devices.values() for card in cards} == {"0", "1"}
    (data,) = cluster.named("rule_data")
    assert data["Partition"] == "main" and "TresPerJob" not in data and not devices[int(data["JobId"])]
    paper = [job for job in cluster.named("rule_paper") if "TresPerJob" not in job]
    assert len(paper) == 1 and tracked(paper[0])["cpu"] == "1" and memory_mb(paper[0]) == 4000


def process(checkout: Path, network: str) -> int:
    """The process that trains `network` for the study in `checkout`."""
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if b"train" in words and network.encode() in words and (folder / "cwd").resolve() == checkout:
                return int(folder.name)
        except (OSError, ValueError):
            continue
    pytest.fail(f"nobody trains {network}")


def test_trainings_that_are_cancelled_or_overdue_go_on_in_the_next_run(cluster: Cluster, checkout: Path) -> None:
    (checkout / "cut-off.yaml").write_text(yaml.safe_dump(CUT_OFF))
    # Of a cluster that knows --gres alone.
    shutil.copytree(checkout / PROFILE, checkout / "gres")
    text = (checkout / "gres" / "config.yaml").read_text()
    text, filled = re.subn(
        r"^    gpu: 1.*\n((?:    #.*\n)*?)    # gres: gpu:1", r"    gpu: 0\n    gres: gpu:1", text, flags=re.M
    )
    assert filled == 2
    (checkout / "gres" / "config.yaml").write_text(text)
    layout = Layout(checkout / "results" / "cut-off")
    targets = [str(layout.network(name, 0).relative_to(checkout) / "outputs.npz") for name in CUT_OFF["models"]]
    before = set(cluster.jobs())

    weights = {name: layout.network(name, 0) / "weights.safetensors" for name in CUT_OFF["models"]}
    checkpoints = {name: path.with_name("checkpoint.safetensors") for name, path in weights.items()}
    jobs: dict[str, int] = {}
    arguments = [*targets, "--configfile", "cut-off.yaml"]
    with snakemake(cluster, checkout, "gres", "--retries", "0", *arguments) as run:
        while len(jobs) < 2:
            wait_for(lambda: any(path.exists() for name, path in checkpoints.items() if name not in jobs), run)
            for name in [name for name, path in checkpoints.items() if name not in jobs and path.exists()]:
                (job,) = cluster.named(f"rule_train_wildcards_{name}_0")
                jobs[name] = int(job["JobId"])
                assert job["TresPerNode"] == "gres:gpu:1" and job["JobState"] == "RUNNING"
                if name == "cancelled":
                    cluster.ask("scancel", str(jobs[name]))
                else:  # it hangs, and its time ends
                    os.kill(process(checkout, name), signal.SIGSTOP)
                    cluster.ask("scontrol", "update", f"JobId={jobs[name]}", "EndTime=now+1")
        said = run.communicate(timeout=TIMEOUT)[0]
    assert run.returncode != 0
    states = {name: cluster.jobs()[job]["JobState"] for name, job in jobs.items()}
    assert states == {"cancelled": "CANCELLED", "overdue": "TIMEOUT"}, said[-4000:]
    for name in jobs:
        assert checkpoints[name].exists() and not weights[name].exists()
        assert len(cluster.devices()[jobs[name]]) == 1

    with snakemake(cluster, checkout, "gres", *arguments, fork=True) as run:
        said = run.communicate(timeout=TIMEOUT)[0]
    assert run.returncode == 0, said[-6000:]
    for name in jobs:
        log = (layout.root / "logs" / "train" / name / "seed0.log").read_text()
        assert re.search(r"resumed after epoch \d+", log)
    again = [job for number, job in cluster.jobs().items() if number not in before]
    assert sum(job.get("Comment", "").startswith("rule_train") for job in again) == 4

    undisturbed = checkout / "undisturbed"
    undisturbed.mkdir()
    for name in ("Snakefile", "workflow", "emorec", "config", "report", "environment.yml", "profiles"):
        (undisturbed / name).symlink_to(checkout / name)
    (undisturbed / "cut-off.yaml").write_text(yaml.safe_dump(CUT_OFF))
    done = forked.snakemake(undisturbed, "--cores", "2", *arguments)
    assert done.returncode == 0, done.stderr[-4000:]
    for path in weights.values():
        other = undisturbed / path.relative_to(checkout)
        assert path.read_bytes() == other.read_bytes()
        histories = [pd.read_csv(own.with_name("history.csv")).drop(columns="seconds") for own in (path, other)]
        pd.testing.assert_frame_equal(*histories, check_exact=True)
    for target in targets:
        assert (checkout / target).read_bytes() == (undisturbed / target).read_bytes()


def test_every_short_rule_is_in_a_group() -> None:
    """A rule that is added to the workflow is added to the profile."""
    rules = re.findall(r"^ *rule (\w+):", "".join(path.read_text() for path in ROOT.glob("workflow/rules/*.smk")), re.M)
    rules += [f"figures_of_{job}" for job in JOBS]  # which are made in a loop
    profile = yaml.safe_load((ROOT / PROFILE / "config.yaml").read_text())
    # What networks wait for, and what takes their place; `networks` is for a GPU of the machine itself.
    alone = {"data", "twins", "grouping", "train", "outputs", "networks", "unpack"}
    assert set(rules) == set(profile["groups"]) | alone
    assert not alone & set(profile["groups"])


def test_groups_do_not_wait_for_themselves(checkout: Path) -> None:
    """All that follows the networks is one group; groupings, which some networks wait for, are in none."""
    arguments = ["--workflow-profile", PROFILE, "--dry-run", "--configfile", MINI, "--config", "study=planned"]
    done = forked.snakemake(checkout, *arguments)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    groups = re.findall(r"Group job (\S+)", done.stdout + done.stderr)
    assert groups == ["paper"]


def test_rules_name_no_partition_and_no_account() -> None:
    for path in [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")]:
        assert not re.search(r"partition|account|slurm", path.read_text()), path
