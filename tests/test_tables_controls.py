"""What a mixture is compared with, which models figures show, and who stands in comparisons at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from fake_study import CONFIG

from emorec import config as configs
from emorec.errors import EmorecError
from emorec.paths import Layout
from emorec.tables import Model, with_controls
from emorec.tables.controls import choose_controls, headline, opponents, primary_mixture
from emorec.tables.groups import models_of

SINGLE = Model("single", "single", "single")
WIDE = Model("wide", "single", "wide")
THREE = Model("three", "ensemble", "three")
FOUR = Model("four", "ensemble", "four")
FLOPS = {"single": 100, "wide": 400, "three": 300, "four": 400}


def _mixture(name: str, family: str = "mixture", kind: str = "mixture", control: str = "") -> Model:
    return Model(name, kind, name, family=family, control=control)


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
    ]
    with pytest.raises(EmorecError, match="control 'five' is no model"):
        opponents([SINGLE, _mixture("mixture", control="five")])


def test_the_headline_has_one_of_each_family_and_no_oracle() -> None:
    models = [
        SINGLE,
        WIDE,
        _mixture("joint", "joint"),
        _mixture("joint-2", "joint"),
        THREE,
        FOUR,
        _mixture("oracle", kind="oracle"),
        _mixture("mixture"),
        _mixture("mixture-2"),
        _mixture("tuned", "fine-tuned"),
    ]
    controls = {"joint": "three", "mixture": "four"}
    # The first mixture of the config, whatever its family, brings its control.
    assert primary_mixture(models).name == "joint"
    assert headline(models, controls) == ["single", "joint", "three", "mixture", "tuned"]
    assert headline([SINGLE, THREE], {}) == ["single"]
    assert headline([SINGLE, _mixture("trunk", "joint")], {"trunk": "single"}) == ["single", "trunk"]


def test_controls_come_from_the_table() -> None:
    table = pd.DataFrame({"model": ["single", "three", "mixture"], "control": [None, None, "three"]})
    found = with_controls([SINGLE, THREE, _mixture("mixture")], table)
    assert [model.control for model in found] == ["", "", "three"]
    with pytest.raises(EmorecError, match=r"models.csv: lacks four"):
        with_controls([FOUR], table)


def test_an_oracle_bounds_the_mixture_of_its_experts() -> None:
    models = CONFIG["models"] | {
        "found-oracle": CONFIG["models"]["mixture-oracle"] | {"grouping": "found"},
        "random-oracle": CONFIG["models"]["mixture-oracle"] | {"grouping": "random"},
        "other-oracle": CONFIG["models"]["mixture-oracle"] | {"foreign": "other"},
    }
    study = configs.validate(CONFIG | {"study": "made-up", "models": models}, "here")
    bounds = {model.name: model.of for model in models_of(study, Layout(Path("nowhere"))) if model.kind == "oracle"}
    assert bounds == {
        "mixture-oracle": "mixture",  # the soft gate, though the top-1 gate has the same experts
        "found-oracle": "mixture-found",
        "random-oracle": "mixture-random",  # there is none with a gate
        "other-oracle": "",
    }
