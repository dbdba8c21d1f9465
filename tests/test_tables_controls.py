"""What a mixture is compared with, which models figures show, and who stands in comparisons at all."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from emorec.errors import EmorecError
from emorec.tables import Model, with_controls
from emorec.tables.controls import choose_controls, headline, opponents, primary_mixture

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
    with pytest.raises(EmorecError, match="control 'five' is no model"):
        opponents([SINGLE, _mixture("mixture", control="five")])


def test_the_headline_has_the_primary_mixture_and_one_of_each_family_and_no_oracle() -> None:
    models = [
        SINGLE,
        WIDE,
        _mixture("joint", "joint"),
        _mixture("joint-2", "joint", primary=True),
        THREE,
        FOUR,
        _mixture("oracle", kind="oracle"),
        _mixture("mixture"),
        _mixture("mixture-2"),
        _mixture("tuned", "fine-tuned"),
    ]
    controls = {"joint": "three", "joint-2": "four", "mixture": "four"}
    # The mixture that the config declares brings its control, wherever it stands.
    assert primary_mixture(models).name == "joint-2"
    assert headline(models, controls) == ["single", "joint", "joint-2", "four", "mixture", "tuned"]
    assert headline([SINGLE, THREE], {}) == ["single"]
    trunk = _mixture("trunk", "joint", primary=True)
    assert headline([SINGLE, trunk], {"trunk": "single"}) == ["single", "trunk"]


def test_fine_tuning_that_improved_nothing_makes_no_model_of_its_own() -> None:
    runs = {0: [], 1: []}
    some, every = ((0,), (0, 1))
    for kept, compared in ((some, True), (every, False), ((), True)):
        tuned = _mixture("tuned", "fine-tuned", networks=runs, kept_start=kept)
        models = [SINGLE, _mixture("mixture", primary=True), tuned]
        assert ("tuned" in headline(models, {"mixture": "single"})) == compared
        assert ((tuned, SINGLE) in opponents(models)) == compared


def test_controls_come_from_the_table() -> None:
    columns = {
        "model": ["single", "three", "mixture"],
        "control": [None, None, "three"],
        "kept_start": ["", None, "1 2"],
    }
    table = pd.DataFrame(columns)
    found = with_controls([SINGLE, THREE, _mixture("mixture")], table)
    assert [model.control for model in found] == ["", "", "three"]
    assert [model.kept_start for model in found] == [(), (), (1, 2)]
    with pytest.raises(EmorecError, match=r"models.csv: lacks four"):
        with_controls([FOUR], table)
