"""Networks that were trained elsewhere: whether all that a study needs are there, and are what its config says.

Without torch, since the workflow asks this each time that it is parsed.
"""

import zipfile
from pathlib import Path
from typing import Any

from emorec import config as configs
from emorec.config import Architecture, NetworkSpec, Study, Training
from emorec.errors import EmorecError
from emorec.inputs import read_json
from emorec.paths import Layout
from emorec.plain import plain

FILES = ("weights.safetensors", "history.csv", "network.json")
GATHERED = "gathered"  # of a record: a digest of the pack that the network came in, without weights
# Where and how fast a network was trained, rather than what it is.
CIRCUMSTANCES = {"device", "threads", "compile", "deterministic", "checkpoint_every"}
# What records lack that are from before there was such a choice.
USUAL = {"mixture": None, "start": None, "length": "steps", "foreign_weight": 1.0, "teacher": None}


def check_networks(study: Study, layout: Layout, what: str) -> None:
    """Raise EmorecError for networks of the study whose `what`, weights or outputs, is missing, or that are others."""
    files = FILES if what == "weights" else ("outputs.npz", *FILES[1:])
    folders = {part: layout.network(part.network, part.seed) for part in configs.all_parts(study)}
    missing = [str(folder / name) for folder in folders.values() for name in files if not (folder / name).is_file()]
    if missing:
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        raise EmorecError(
            f"{', '.join(missing[:3])}{more}: missing; put the trained networks there, or train them by leaving out "
            f"from={what}"
        )
    specs = configs.networks(study)
    for part, folder in folders.items():
        refuse_another(folder, specs[part.network], f"train it by leaving out from={what}")


def is_trained(folder: Path, spec: NetworkSpec) -> bool:
    """Whether a network is there, or what it gave, as one from a pack. Raises EmorecError where it is another one."""
    if not all((folder / name).is_file() for name in FILES[1:]):
        return False
    gathered = GATHERED in _record(folder / FILES[-1])
    if not (folder / ("outputs.npz" if gathered else FILES[0])).is_file():
        return False
    refuse_another(folder, spec, f"delete {folder} to train it again")
    return True


def is_made_of(folder: Path, digest: str) -> bool:
    """Whether a network is there that was made of the config, faces, code and networks behind `digest` (made_of)."""
    return all((folder / name).is_file() for name in FILES) and _record(folder / FILES[-1]).get("made_of") == digest


def refuse_another(folder: Path, spec: NetworkSpec, remedy: str) -> None:
    """EmorecError, one line, where a network is another one than the config says."""
    path = folder / "network.json"
    changed = differences(_record(path), spec)
    if changed:
        raise EmorecError(
            f"{path}: trained with another {', '.join(changed)} than the config says; take the config that it was "
            f"trained with, or {remedy}"
        )


def differences(record: dict[str, Any], spec: NetworkSpec) -> list[str]:
    """What a network's record says otherwise than its spec, CIRCUMSTANCES aside; keys that it lacks have defaults.

    Of a spec whose grouping has not been found yet, or that has none, classes are not compared. Raises KeyError,
    TypeError, AttributeError or ValueError for a record that is none.
    """
    wanted, own = spec.to_dict(record["seed"]), USUAL | record
    unknown = {"classes", "mixture"} if spec.grouping or not spec.classes else set()
    found = [key for key in ("classes", *USUAL) if key not in unknown and own[key] != wanted[key]]
    for name, schema in (("architecture", Architecture), ("training", Training)):
        options = schema.model_validate(record["spec"][name]).model_dump()
        changed = [key for key in options if options[key] != wanted[name][key] and key not in CIRCUMSTANCES]
        found += [f"{name}.{key}" for key in changed]
    return found


def _record(path: Path) -> dict[str, Any]:
    again = "copy it again from where it was trained"
    record = read_json(path, again)
    try:
        differences(record, NetworkSpec("", "classifier", (), Architecture(), Training()))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmorecError(f"{path}: no network's record ({plain(error)}); {again}") from None
    return record


def has_features(folder: Path) -> bool:
    """Whether a network's outputs hold what comes before its last layer: a pack may have had no room for it."""
    with zipfile.ZipFile(folder / "outputs.npz") as archive:
        return "features.npy" in archive.namelist()
