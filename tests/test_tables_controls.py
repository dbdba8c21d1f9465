"""What a mixture is compared with, which models figures show, and who stands in comparisons at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emorec.errors import EmorecError
from emorec.files import write_json
from emorec.tables.controls import choose_controls, headline, opponents, primary_mixture
from emorec.tables.networks import models_table
from emorec.tables.read import Model

SINGLE = Model("single", "single", "single")
WIDE = Model("wide", "single", "wide")
THREE = Model("three", "ensemble", "three")
FOUR = Model("four", "ensemble", "four")
FLOPS = {"single": 100, "wide": 400, "three": 300, "four": 400}


def _mixture(name: str, family: str = "mixture", kind: str = "mixture", control: str = "", **other: Any) -> Model:
    return Model(name, kind, name, family=family, control=control, **other)


@pytest.mark.parametrize(
    ("flops", "control"),
    [
        (401, "four"),
        (1000, "four"),
        (300, "three"),
        (346, "three"),  # the ratio counts: 346 / 300 is less than 400 / 346
        (347, "four"),
        (174, "three"),
        (173, "single"),
        (100, "single"),
        (20, "single"),
    ],
)
def test_a_control_is_of_equal_compute(flops: int, control: str) -> None:
    models = [SINGLE, WIDE, THREE, FOUR, _mixture("mixture")]
    assert choose_controls(models, FLOPS | {"mixture": flops}) == {"mixture": control}


def test_equals_go_to_the_first_and_the_wide_single_is_no_control() -> None:
    again = Model("again", "ensemble", "again")
    models = [SINGLE, WIDE, FOUR, again, _mixture("mixture"), _mixture("oracle", kind="oracle")]
    flops = FLOPS | {"again": 400, "mixture": 400, "oracle": 300}
    assert choose_controls(models, flops) == {"mixture": "four"}
    assert choose_controls([SINGLE, WIDE, _mixture("mixture")], flops) == {"mixture": "single"}
    with pytest.raises(EmorecError, match="none is of kind single"):
        choose_controls(models[2:], flops)


def test_who_is_compared_with_whom() -> None:
    models = [
        SINGLE,
        WIDE,
        THREE,
        _mixture("oracle", kind="oracle"),
        _mixture("mixture", control="three"),
        _mixture("trunk", "joint", control="single"),
    ]
    assert [(model.name, reference.name) for model, reference in opponents(models)] == [
        ("wide", "single"),
        ("three", "single"),
        ("mixture", "single"),
        ("trunk", "single"),
        ("mixture", "three"),
        ("mixture", "wide"),
        ("trunk", "wide"),
    ]


def test_the_headline_has_the_primary_mixture_and_one_of_each_family_and_no_oracle() -> None:
    models = [
        SINGLE,
        WIDE,
        _mixture("joint", "joint"),
        _mixture("joint-2", "joint", primary=True, control="four"),
        THREE,
        FOUR,
        _mixture("oracle", kind="oracle"),
        _mixture("mixture"),
        _mixture("mixture-2"),
        _mixture("tuned", "fine-tuned"),
    ]
    # The mixture that the config declares brings its control, wherever it stands.
    assert primary_mixture(models).name == "joint-2"
    assert headline(models) == ["single", "joint", "joint-2", "four", "mixture", "tuned"]
    assert headline([SINGLE, THREE]) == ["single"]
    trunk = _mixture("trunk", "joint", primary=True, control="single")
    assert headline([SINGLE, trunk]) == ["single", "trunk"]


def test_fine_tuning_that_improved_nothing_makes_no_model_of_its_own() -> None:
    runs = {0: [], 1: []}
    some, every = ((0,), (0, 1))
    for kept, compared in ((some, True), (every, False), ((), True)):
        tuned = _mixture("tuned", "fine-tuned", networks=runs, kept_start=kept)
        models = [SINGLE, _mixture("mixture", primary=True, control="single"), tuned]
        assert ("tuned" in headline(models)) == compared
        assert ((tuned, SINGLE) in opponents(models)) == compared


def test_controls_and_kept_starts_come_from_the_records(tmp_path: Path) -> None:
    def records(name: str, flops: int, *best: int) -> dict[int, list[Path]]:
        paths = {seed: [tmp_path / name / f"seed{seed}" / "network.json"] for seed in range(len(best))}
        for (path,), epoch in zip(paths.values(), best, strict=True):
            costs = {"parameters": 1, "flops": flops, "train_seconds": 1.5, "train_flops": 9}
            write_json(path, costs | {"best_epoch": epoch, "spec": {}})
        return paths

    networks = {"single": records("single", 100, 3, 0), "three": records("three", 300, 3, 0)}
    tuned = _mixture("tuned", "fine-tuned", networks=records("tuned", 290, 0, 2), before={0: [], 1: []})
    models = [replace(m, networks=networks[m.name], before={0: [], 1: []}) for m in (SINGLE, THREE)]
    table, complete = models_table([*models, tuned], 100)
    assert [model.control for model in complete] == list(table["control"]) == ["", "", "three"]
    assert [model.kept_start for model in complete] == [(), (), (0,)]
    assert list(table["kept_start"]) == ["", "", "0"]
