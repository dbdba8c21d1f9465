"""The ablation is one option a model: each differs from the plain recipe in one key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emorec import config as configs

STUDY = configs.load(Path(__file__).resolve().parent.parent / "config" / "ablation.yaml")


def changes(model: str) -> dict[str, Any]:
    """What the model's network is built and trained with, as far as the plain one's differs."""
    found = {}
    for of in (configs.architecture_of, configs.training_of):
        own, plain = of(STUDY, model).model_dump(), of(STUDY, "plain").model_dump()
        found |= {key: value for key, value in own.items() if value != plain[key]}
    return found


@pytest.mark.parametrize("model", [model for model in STUDY.models if model != "plain"])
def test_a_model_changes_one_option(model):
    # Ten crops need a crop.
    assert len(changes(model)) == 1 or set(changes(model)) == {"crop", "views"}


def test_every_option_of_the_recipe_is_there():
    tried = set().union(*(changes(model) for model in STUDY.models))
    assert tried >= {
        *("label_smoothing", "augmentation", "schedule", "weight_decay", "ema", "mixup", "cutmix", "class_balance"),
        *("crop", "views", "squeeze_excitation", "stochastic_depth", "dropout", "whitening"),
    }
    balances = {configs.training_of(STUDY, model).class_balance for model in STUDY.models}
    assert balances == {"none", "sampling", "inverse-frequency", "effective-number"}
