"""Networks that were trained elsewhere: whether all that a study needs are there, and are what its config says.

Without torch, since the workflow asks this each time that it is parsed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from emorec import config as configs
from emorec.config import Architecture, NetworkSpec, Study, Training
from emorec.errors import EmorecError
from emorec.inputs import read_json
from emorec.paths import Layout

FILES = ("weights.safetensors", "history.csv", "network.json")
# Where and how fast a network was trained, rather than what it is.
CIRCUMSTANCES = {"device", "threads", "compile", "deterministic", "checkpoint_every"}


def check_networks(study: Study, layout: Layout) -> None:
    """EmorecError, one line, for the networks of the study that are not in its folder, or are others."""
    folders = {part: layout.network(part.network, part.seed) for part in configs.all_parts(study)}
    missing = [str(folder / name) for folder in folders.values() for name in FILES if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise EmorecError(
            f"{', '.join(missing[:3])}{more}: missing; put the trained networks there, or train them by leaving out "
            "from=weights"
        )
    specs = configs.networks(study)
    for part, folder in folders.items():
        _refuse_another(folder, specs[part.network], "train it by leaving out from=weights")


def is_trained(folder: Path, spec: NetworkSpec) -> bool:
    """Whether a network is there; EmorecError, one line, where it is another one than the config says."""
    if not all((folder / name).is_file() for name in FILES):
        return False
    _refuse_another(folder, spec, f"delete {folder} to train it again")
    return True


def is_made_of(folder: Path, digest: str) -> bool:
    """Whether a network is there that was made of the config, faces and code behind `digest` (stage.made_of)."""
    return all((folder / name).is_file() for name in FILES) and _record(folder / FILES[-1]).get("made_of") == digest


def _refuse_another(folder: Path, spec: NetworkSpec, remedy: str) -> None:
    path = folder / "network.json"
    changed = differences(_record(path), spec)
    if changed:
        raise EmorecError(
            f"{path}: trained with another {', '.join(changed)} than the config says; take the config that it was "
            f"trained with, or {remedy}"
        )


def differences(record: dict[str, Any], spec: NetworkSpec) -> list[str]:
    """What a network's record says otherwise than its spec, CIRCUMSTANCES aside; keys that it lacks have defaults.

    Raises KeyError, TypeError, AttributeError or ValueError for a record that is none.
    """
    told, found = spec.to_dict(record["seed"]), []
    if spec.classes and told["classes"] != record["classes"]:
        found.append("classes")
    if spec.classes and told["mixture"] != record.get("mixture"):
        found.append("mixture")
    # Records from before there was such a choice lack the key.
    usual = {"start": None, "length": "steps", "foreign_weight": 1.0}
    found += [name for name, value in usual.items() if record.get(name, value) != getattr(spec, name)]
    if record.get("teacher") != told["teacher"]:
        found.append("teacher")
    for name, schema, wanted in (
        ("architecture", Architecture, spec.architecture),
        ("training", Training, spec.training),
    ):
        own = schema.model_validate(record["spec"][name]).model_dump()
        asked = wanted.model_dump()
        found += [f"{name}.{key}" for key in asked if own[key] != asked[key] and key not in CIRCUMSTANCES]
    return found


def _record(path: Path) -> dict[str, Any]:
    again = "copy it again from where it was trained"
    record = read_json(path, again)
    try:
        differences(record, NetworkSpec("", "classifier", (), Architecture(), Training()))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:120]
        raise EmorecError(f"{path}: no network's record ({reason}); {again}") from None
    return record
