"""How long a study takes on 1 to 64 graphics cards: a simulated schedule of its jobs, as Slurm gets them.

`python -m benchmarks.schedule [--config config/fer2013.yaml] [--rate FACES] [--start SECONDS] [--short SECONDS]`
prints JSON, then a table. Durations are stated, not measured: `rate` is faces a second that the reference network
trains on with one card, `start` what a submitted job costs before and after its work, `short` one job of a group. What
one network costs more than another goes by operations.

The schedule is list scheduling (Graham 1969, doi:10.1137/0117039): whenever a card is free, it takes of the jobs that
are ready the one with the longest way to the end.
"""

from __future__ import annotations

import argparse
import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from emorec import EMOTIONS
from emorec import config as configs
from emorec.config import NetworkSpec, Study
from emorec.figures import JOBS
from emorec.size import resnet_size

CARDS = (1, 2, 4, 8, 16, 32, 64)
SHORT = 8  # rules of one job besides those of figures: summary, predictions, three of tables, three of the report


@dataclass(frozen=True)
class Job:
    """seconds: of its run. card: whether it needs a graphics card. after: names of the jobs that it waits for."""

    name: str
    seconds: float
    card: bool
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """seconds: from start to end. busy: share of the cards' time in which they work."""

    seconds: float
    busy: float


def simulate(jobs: Sequence[Job], cards: int) -> Schedule:
    """List scheduling of `jobs` on so many cards; jobs that need none start when they are ready.

    Raises ValueError where a job waits for itself or for one that is not there.
    """
    by_name = {job.name: job for job in jobs}
    followers: dict[str, list[str]] = {name: [] for name in by_name}
    waits = {job.name: len(set(job.after)) for job in jobs}
    for job in jobs:
        for earlier in set(job.after):
            if earlier not in by_name:
                raise ValueError(f"{job.name} waits for {earlier}, which is no job")
            followers[earlier].append(job.name)
    way = _ways_to_the_end(by_name, followers, dict(waits))

    now, free = 0.0, cards
    ready = [(-way[name], name) for name, count in waits.items() if count == 0]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    while ready or running:
        held = []
        while ready:
            entry = heapq.heappop(ready)
            job = by_name[entry[1]]
            if job.card and free == 0:
                held.append(entry)
                continue
            free -= job.card
            heapq.heappush(running, (now + job.seconds, job.name))
        ready = held
        heapq.heapify(ready)
        now, ended = heapq.heappop(running)
        free += by_name[ended].card
        for name in followers[ended]:
            waits[name] -= 1
            if waits[name] == 0:
                heapq.heappush(ready, (-way[name], name))
    work = sum(job.seconds for job in jobs if job.card)
    return Schedule(now, work / (cards * now) if now else 0.0)


def longest_way(jobs: Sequence[Job]) -> float:
    """Seconds of the longest chain of jobs: what no number of cards gets below."""
    by_name = {job.name: job for job in jobs}
    followers: dict[str, list[str]] = {name: [] for name in by_name}
    for job in jobs:
        for earlier in set(job.after):
            followers[earlier].append(job.name)
    return max(_ways_to_the_end(by_name, followers, {job.name: len(set(job.after)) for job in jobs}).values())


def _ways_to_the_end(
    by_name: dict[str, Job], followers: dict[str, list[str]], waits: dict[str, int]
) -> dict[str, float]:
    order = [name for name, count in waits.items() if count == 0]
    for name in order:  # grows while it is gone through
        for follower in followers[name]:
            waits[follower] -= 1
            if waits[follower] == 0:
                order.append(follower)
    if len(order) < len(by_name):
        raise ValueError("some jobs wait for one another")
    way: dict[str, float] = {}
    for name in reversed(order):
        way[name] = by_name[name].seconds + max((way[follower] for follower in followers[name]), default=0.0)
    return way


def jobs_of(study: Study, *, rate: float, start: float, short: float, faces: int) -> list[Job]:
    """What the Slurm profile submits for a study whose training split has so many `faces`.

    The data; each training; groupings that are to be found; all that follows, as one job.
    """
    networks, parts = configs.networks(study), configs.all_parts(study)
    trainings = {part: f"train {part.network} {part.seed}" for part in parts}
    reference = _operations(networks[study.reference])
    jobs = [Job("data", start + short, card=False)]
    for grouping in configs.spectral_groupings(study):
        after = tuple(name for part, name in trainings.items() if part.network == study.reference)
        jobs.append(Job(f"grouping {grouping}", start + short, card=False, after=after))
    for part in parts:
        spec = networks[part.network]
        seen = faces * spec.training.epochs
        seconds = start + seen / rate * _operations(spec) / reference
        before = ["data", *(trainings[one] for one in spec.before(part.seed))]
        if spec.grouping:
            before.append(f"grouping {spec.grouping}")
        jobs.append(Job(trainings[part], seconds, card=True, after=tuple(before)))
    jobs.append(Job("paper", start + short * (SHORT + len(JOBS)), card=False, after=tuple(trainings.values())))
    return jobs


def _operations(spec: NetworkSpec) -> float:
    """Of one face's forward pass while the network is trained; of a mixture, of all its experts."""
    keys = ("width", "depth", "stem", "squeeze_excitation", "whitening")
    sizes = {key: getattr(spec.architecture, key) for key in keys} | {"side": spec.training.crop}
    whole = resnet_size(len(spec.classes) or len(EMOTIONS), **sizes).flops
    if spec.mixture is None or spec.mixture.trunk:  # a shared trunk is there to make it cost what a single does
        return whole
    return whole * (1 + len(spec.mixture.experts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, default=Path("config/fer2013.yaml"))
    parser.add_argument("--faces", type=int, default=28709, help="faces of the training split")
    parser.add_argument("--rate", type=float, nargs="+", default=[2000, 37500], help="faces a second on one card")
    parser.add_argument("--start", type=float, default=15, help="seconds that a submitted job costs besides its work")
    parser.add_argument("--short", type=float, default=4, help="seconds of one job of a group")
    args = parser.parse_args()
    study = configs.load(args.config)
    results = {}
    for rate in args.rate:
        jobs = jobs_of(study, rate=rate, start=args.start, short=args.short, faces=args.faces)
        schedules = {cards: simulate(jobs, cards) for cards in CARDS}
        results[rate] = {
            "jobs": len(jobs),
            "longest_way_hours": longest_way(jobs) / 3600,
            "hours": {cards: schedule.seconds / 3600 for cards, schedule in schedules.items()},
            "busy": {cards: schedule.busy for cards, schedule in schedules.items()},
        }
    print(json.dumps({"benchmark": "schedule", "study": study.study, "rates": results}))
    for rate, result in results.items():
        way = result["longest_way_hours"]
        print(f"\n{study.study}: {result['jobs']} jobs, {rate:,.0f} faces/s; longest way {way:.2f} h")
        print(f"{'cards':>6} {'hours':>8} {'busy':>6}")
        for cards in CARDS:
            print(f"{cards:>6} {result['hours'][cards]:>8.2f} {result['busy'][cards]:>6.0%}")


if __name__ == "__main__":
    main()
