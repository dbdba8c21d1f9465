"""The models' names for people, where a config gives them no label."""

from emorec.config.derived import architecture_of, expert_networks
from emorec.config.sections import Mixture
from emorec.config.study import Study

_GATES = {"soft": "", "top-1": " with a top-1 gate", "temperature": " with a tempered gate"}
_GATES |= {"uniform": " without a gate", "oracle": " with an oracle", "single": " routed by the single"}
_FOREIGN = {"excluded": "", "other": ", others as a class", "down-weighted": ", others down-weighted"}


def label(study: Study, model: str) -> str:
    """A model's name for people; the model's own name is added where two would be named alike."""
    own = _named(study, model)
    alike = [name for name, entry in study.models.items() if not entry.label and _named(study, name) == own]
    return f"{own} ({model})" if model in alike and len(alike) > 1 else own


def _named(study: Study, model: str) -> str:
    entry = study.models[model]
    if entry.label:
        return entry.label
    if entry.kind == "single":
        network = f"ResNet-{architecture_of(study, model).depth}"
        if entry.teacher:
            return f"{network} taught by the {_named(study, entry.teacher)}"
        balanced = entry.training.get("class_balance", "none") != "none"
        return f"{'class-balanced' if balanced else 'single'} {network}"
    if entry.kind == "fine-tuned":
        return "fine-tuned mixture"
    if entry.kind == "joint" and entry.trunk:
        return f"branches after stage {entry.trunk}"
    if entry.kind == "joint":
        return "sparse joint mixture" if entry.top else "joint mixture"
    if entry.kind == "mixture":
        return _mixture(study, entry)
    of = "" if entry.of == study.reference else f" {_named(study, entry.of)}s"
    return f"{'disjoint ' if entry.disjoint else ''}ensemble of {entry.members}{of}"


def _mixture(study: Study, entry: Mixture) -> str:
    main = study.mixtures.get(study.primary_mixture or "")
    start = ", started from the single" if entry.experts.start == "single" else ""
    how = f"{_GATES[entry.gate]}{_FOREIGN[entry.foreign]}{start}"
    if main is None or main.grouping != entry.grouping:
        return f"mixture by {entry.grouping} groups{how}"
    return f"mixture{how}" if how else f"mixture of {len(expert_networks(study, entry))} experts"
