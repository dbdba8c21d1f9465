"""The models' names for people, where a config gives them no label."""

from __future__ import annotations

from emorec.config.sections import FineTuned, Joint, Mixture, Single
from emorec.config.study import Study

_GATES = {"soft": "", "top-1": " with a top-1 gate", "temperature": " with a tempered gate"}
_GATES |= {"uniform": " without a gate", "oracle": " with an oracle", "single": " routed by the single"}
_FOREIGN = {"excluded": "", "other": ", others as a class", "down-weighted": ", others down-weighted"}


def label(study: Study, model: str) -> str:
    """A model's name for people; the model's own name is added where two would be named alike."""
    entry = study.models[model]
    if entry.label:
        return entry.label
    others = [name for name, other in study.models.items() if name != model and not other.label]
    own = _derived(study, model)
    return f"{own} ({model})" if own in {_derived(study, name) for name in others} else own


def _derived(study: Study, model: str) -> str:
    entry = study.models[model]
    if entry.label:
        return entry.label
    if isinstance(entry, Single):
        return _single(study, entry)
    if isinstance(entry, FineTuned):
        return f"fine-tuned {_derived(study, entry.of)}"
    if isinstance(entry, Joint):
        trunk = f" on a trunk of {entry.trunk} stages" if entry.trunk else ""
        return f"{'sparse ' if entry.top else ''}joint mixture of {entry.experts} experts{trunk}"
    if isinstance(entry, Mixture):
        return _mixture(study, entry)
    of = "" if entry.of == study.reference else f" {_derived(study, entry.of)}s"
    return f"{'disjoint ' if entry.disjoint else ''}ensemble of {entry.members}{of}"


def _single(study: Study, entry: Single) -> str:
    network = f"ResNet-{entry.architecture.get('depth', study.architecture.depth)}"
    if entry.teacher:
        return f"{network} taught by the {_derived(study, entry.teacher)}"
    balanced = entry.training.get("class_balance", "none") != "none"
    return f"{'class-balanced' if balanced else 'single'} {network}"


def _mixture(study: Study, entry: Mixture) -> str:
    main = study.models.get(study.primary_mixture or "")
    if isinstance(main, Mixture) and main.grouping == entry.grouping:
        grouping = study.groupings[entry.grouping]
        like = getattr(grouping, "like", None)
        groups = study.given[like] if like else grouping
        count = len(groups) if isinstance(groups, list) else groups.experts  # type: ignore[union-attr]
        which = f"mixture of {count} experts"
    else:
        which = f"mixture by the groups {entry.grouping}"
    start = ", started from the single" if entry.experts.start == "single" else ""
    return f"{which}{_GATES[entry.gate]}{_FOREIGN[entry.foreign]}{start}"
