"""What a mixture is compared with, which models figures show, and who stands in comparisons at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_study import make_study

from emorec import config as configs
from emorec.files import write_json
from emorec.paths import Layout
from emorec.tables.controls import choose_controls, headline, is_compared, opponents, primary_mixture
from emorec.tables.networks import models_table
from emorec.tables.read import Model

SINGLE = Model("single", "single")
WIDE = Model("wide", "single")
THREE = Model("three", "ensemble")
FOUR = Model("four", "ensemble")
FLOPS = {"single": 100, "wide": 400, "three": 300, "four": 400}


def _mixture(name: str, family: str = "mixture", kind: str = "mixture", control: str = "", **other: Any) -> Model:
    return Model(name, kind, family=family, control=control, **other)


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


def test_what_fine_tuning_left_alone_is_compared_where_the_study_is_about_it() -> None:
    tuned = {"family": "fine-tuned", "control": "four", "is_its_start": True}
    for primary in (True, False):
        model = _mixture("tuned", **tuned, primary=primary)
        assert is_compared(model) == primary
        assert ((model, SINGLE) in opponents([SINGLE, FOUR, model])) == primary


def test_equals_go_to_the_first_and_the_wide_single_is_no_control() -> None:
    again = Model("again", "ensemble")
    models = [SINGLE, WIDE, FOUR, again, _mixture("mixture"), _mixture("oracle", kind="oracle")]
    flops = FLOPS | {"again": 400, "mixture": 400, "oracle": 300}
    assert choose_controls(models, flops) == {"mixture": "four"}
    assert choose_controls([SINGLE, WIDE, _mixture("mixture")], flops) == {"mixture": "single"}


def test_of_equals_the_control_is_made_of_the_same_single() -> None:
    models = [SINGLE, Model("all", "ensemble", of="single"), Model("clean", "single")]
    models += [Model("clean-ensemble", "ensemble", of="clean"), Model("clean-3", "ensemble", of="clean")]
    models += [_mixture("mixture", of="single"), _mixture("clean-mixture", of="clean"), _mixture("small", of="single")]
    flops = FLOPS | {"all": 400, "clean": 100, "clean-ensemble": 400, "clean-3": 300}
    controls = choose_controls(models, flops | {"mixture": 400, "clean-mixture": 400, "small": 301})
    assert controls == {"mixture": "all", "clean-mixture": "clean-ensemble", "small": "clean-3"}


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
    for unchanged in (False, True):
        tuned = _mixture("tuned", "fine-tuned", is_its_start=unchanged)
        models = [SINGLE, _mixture("mixture", primary=True, control="single"), tuned]
        assert ("tuned" in headline(models)) != unchanged
        assert ((tuned, SINGLE) in opponents(models)) != unchanged


def test_controls_and_kept_starts_come_from_the_records(tmp_path: Path) -> None:
    names = ["resnet18", "ensemble-3", "mixture", "mixture-tuned"]
    study = configs.load(make_study(tmp_path, faces=(70, 70, 70), epochs=2, models=names) / "config.yaml")
    paths = {seed: Layout(tmp_path).network("mixture-tuned", seed) / "network.json" for seed in study.seeds}
    for kept in ((), (0,), (0, 1)):
        for seed, path in paths.items():
            write_json(path, json.loads(path.read_text()) | {"best_epoch": 0 if seed in kept else 1})
        table, models = models_table(study, Layout(tmp_path))
        assert [model.control for model in models] == list(table["control"]) == ["", "", "ensemble-3", "ensemble-3"]
        assert list(table["kept_start"]) == ["", "", "", " ".join(map(str, kept))]
        assert [model.is_its_start for model in models] == [False, False, False, kept == (0, 1)]
        assert table["headline"].iloc[-1] == (kept != (0, 1))
