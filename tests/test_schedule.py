"""The simulated schedule of docs/scaling.md against schedules that are known, and bounds that hold for all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.schedule import CARDS, Job, jobs_of, longest_way, simulate
from emorec import config as configs

ROOT = Path(__file__).resolve().parent.parent


def test_equal_jobs_go_in_rounds() -> None:
    jobs = [Job(str(i), 10, card=True) for i in range(7)]
    assert [simulate(jobs, cards).seconds for cards in (1, 2, 3, 7, 64)] == [70, 40, 30, 10, 10]
    assert simulate(jobs, 2).busy == pytest.approx(70 / 80)


def test_a_chain_takes_its_sum_on_any_number_of_cards() -> None:
    jobs = [Job("a", 1, card=True), Job("b", 2, card=False, after=("a",)), Job("c", 4, card=True, after=("b",))]
    assert {simulate(jobs, cards).seconds for cards in CARDS} == {7}
    assert longest_way(jobs) == 7


def test_the_longest_way_goes_first() -> None:
    # Two cards: the chain of 6 beside the three of 2; begun later, the chain would end at 8.
    jobs = [Job("z1", 3, card=True), Job("z2", 3, card=True, after=("z1",)), *(Job(n, 2, card=True) for n in "abc")]
    assert simulate(jobs, 2).seconds == 6


def test_jobs_without_a_card_wait_for_none() -> None:
    assert simulate([Job(str(i), 5, card=False) for i in range(9)], 1).seconds == 5


@pytest.mark.parametrize("seed", range(20))
def test_no_schedule_beats_its_bounds_nor_misses_grahams(seed: int) -> None:
    chance = random.Random(seed)
    jobs = []
    for number in range(40):
        after = tuple({str(chance.randrange(number)) for _ in range(chance.randrange(3))}) if number else ()
        jobs.append(Job(str(number), chance.uniform(1, 9), card=True, after=after))
    work, way = sum(job.seconds for job in jobs), longest_way(jobs)
    assert simulate(jobs, 1).seconds == pytest.approx(work)
    for cards in (2, 3, 8):
        found = simulate(jobs, cards).seconds
        assert max(way, work / cards) <= found * (1 + 1e-9)
        assert found <= (work / cards + way * (1 - 1 / cards)) * (1 + 1e-9)


def test_jobs_that_wait_for_one_another_or_for_nobody_are_refused() -> None:
    with pytest.raises(ValueError, match="one another"):
        simulate([Job("a", 1, card=True, after=("b",)), Job("b", 1, card=True, after=("a",))], 1)
    with pytest.raises(ValueError, match="no job"):
        simulate([Job("a", 1, card=True, after=("b",))], 1)


def test_a_study_s_jobs_are_those_that_the_profile_submits() -> None:
    study = configs.load(ROOT / "tests" / "mini.yaml")
    jobs = jobs_of(study, rate=1000, start=0, short=1, faces=280)
    names = [job.name for job in jobs]
    assert len(set(names)) == len(names)
    trainings = [name for name in names if name.startswith("train")]
    assert len(trainings) == len(configs.all_parts(study)) > 13
    assert len(jobs) == len(trainings) + 3  # the data, the grouping, the paper
    # An expert costs what the single costs: as many steps.
    seconds = {job.name: job.seconds for job in jobs}
    assert seconds["train resnet18 0"] == pytest.approx(280 * study.training.epochs / 1000)
    assert seconds["train resnet18-gate-original 0"] == pytest.approx(seconds["train resnet18 0"], rel=0.01)
