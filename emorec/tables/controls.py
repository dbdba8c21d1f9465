"""Which models a study's comparisons are between, and which stand in figures with a panel a model.

All follows from the config and from the networks' operations, so that it is fixed before a face of test is scored.
"""

import math
from collections.abc import Mapping, Sequence

from emorec.tables.read import Model


def reference_single(models: Sequence[Model]) -> Model:
    """The first model of kind single: every study has one."""
    return next(model for model in models if model.kind == "single")


def choose_controls(models: Sequence[Model], flops: Mapping[str, int]) -> dict[str, str]:
    """The model of equal compute for each mixture, by name: {mixture: control}.

    Of the reference single and the ensembles the one whose operations per image come nearest by their ratio, of equals
    the first ensemble of the same single: what the same compute buys without specialisation. Operations count rather
    than networks: a mixture whose experts share a trunk, say, costs less than their number. Oracles have no control.
    """
    candidates = [reference_single(models), *(model for model in models if model.kind == "ensemble")]
    size = {model.name: math.log(max(flops[model.name], 1)) for model in models}
    return {
        own.name: min(candidates, key=lambda each: (abs(size[each.name] - size[own.name]), each.of != own.of)).name
        for own in models
        if own.kind == "mixture"
    }


def headline(models: Sequence[Model]) -> list[str]:
    """At most six models for figures with a panel each, in the config's order: the reference single, the primary
    mixture and its control, and the first compared separate, fine-tuned and joint mixture."""
    chosen = {reference_single(models).name}
    primary = primary_mixture(models)
    if primary is not None:
        chosen |= {primary.name, primary.control}
    for family in ("mixture", "fine-tuned", "joint"):
        chosen.update([model.name for model in models if model.family == family and is_compared(model)][:1])
    return [model.name for model in models if model.name in chosen]


def primary_mixture(models: Sequence[Model]) -> Model | None:
    """The mixture that the study's primary test is about; None where it has none."""
    return next((model for model in models if model.primary), None)


def is_compared(model: Model) -> bool:
    """Whether a model is one of its own that could be used: no oracle, and no mixture that fine-tuning left alone,
    unless the study is about it."""
    return model.kind != "oracle" and (model.primary or not model.is_its_start)


def opponents(models: Sequence[Model]) -> list[tuple[Model, Model]]:
    """(model, reference) of every comparison: each compared model against the reference single, each mixture against
    its control and every other single, which may gain as much by its parameters, steps or the balance of emotions."""
    single, by_name = reference_single(models), {model.name: model for model in models}
    others = [model for model in models if model.kind == "single" and model is not single]
    compared = [model for model in models if is_compared(model)]
    found = [(model, single) for model in compared if model is not single]
    for model in compared:
        if model.kind == "mixture":
            control = [by_name[model.control]] if model.control not in ("", single.name) else []
            found += [(model, other) for other in control + others]
    return found
