"""Tables of what was trained and on what: models, classes, curves."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec import config as configs
from emorec.config import Part, Study
from emorec.errors import EmorecError
from emorec.inputs import check_table
from emorec.paths import HISTORY, Layout
from emorec.tables.controls import choose_controls, headline
from emorec.tables.read import Model, read_record


def models_table(study: Study, layout: Layout) -> tuple[pd.DataFrame, list[Model]]:
    """models.csv: what each model is, what it costs, and what it is compared with; and the models.

    kind is what a model counts as: a fine-tuned or jointly trained mixture is a mixture, one that knows the label an
    oracle; family is the config's kind. `parts` names the networks, a gate first, then the experts in its order.
    Parameters and flops (of one image) are sums over them; the expert for a single emotion is none of `networks`.
    train_seconds and train_flops are means over seeds, with the networks that a model starts from. kept_start names the
    seeds in which fine-tuning improved nothing on val, so that epoch 0 was kept.

    Raises EmorecError where a record is missing or has no numbers.
    """
    train_faces = int(classes_table(layout.summary).query("split == 'train'")["faces"].sum())

    @cache  # a network is part of several models
    def cost(part: Part) -> dict[str, float]:
        return _cost(layout.network(part.network, part.seed) / "network.json", train_faces)

    rows, models = [], []
    for name, entry in study.models.items():
        parts = {seed: configs.parts(study, name, seed) for seed in study.seeds}
        own = {seed: [cost(part) for part in parts[seed]] for seed in study.seeds}
        trained = [own[seed] + [cost(part) for part in configs.spent_before(study, name, seed)] for seed in study.seeds]
        first = own[study.seeds[0]]
        separate = study.models[entry.of] if entry.kind == "fine-tuned" else entry
        mixture = separate if separate.kind == "mixture" else None
        of = "" if separate.kind == "single" else separate.of
        experts = len(configs.expert_networks(study, mixture)) if mixture else None
        grouping = mixture.grouping if mixture else ""
        gate, primary = _gate(entry), name == study.primary_mixture
        kind = entry.kind if entry.kind in ("single", "ensemble") else "oracle" if gate == "oracle" else "mixture"
        tuned = entry.kind == "fine-tuned"
        kept_start = [seed for seed, costs in own.items() if tuned and costs[0]["best_epoch"] == 0]
        rows.append(
            {
                "model": name,
                "kind": kind,
                "family": entry.kind,
                "label": configs.label(study, name),
                "networks": sum(part["flops"] > 0 for part in first),
                "parts": " ".join(dict.fromkeys(part.network for part in parts[study.seeds[0]])),
                "parameters": int(sum(part["parameters"] for part in first)),
                "flops": int(sum(part["flops"] for part in first)),
                "train_seconds": float(np.mean([sum(part["train_seconds"] for part in seed) for seed in trained])),
                "train_flops": float(np.mean([sum(part["train_flops"] for part in seed) for seed in trained])),
                "grouping": grouping,
                "gate": gate,
                "foreign": mixture.foreign if mixture else "",
                "start": mixture.experts.start if mixture else "",
                "length": mixture.experts.length if mixture else "",
                "experts": entry.experts if entry.kind == "joint" else experts,
                "primary": primary,
                "kept_start": " ".join(map(str, kept_start)),
            }
        )
        unchanged = len(kept_start) == len(study.seeds)
        models.append(Model(name, kind, grouping, entry.kind, gate, primary, of=of, is_its_start=unchanged))
    table = pd.DataFrame(rows).astype({"experts": "Int64"})
    controls = choose_controls(models, dict(zip(table["model"], table["flops"], strict=True)))
    models = [replace(model, control=controls.get(model.name, "")) for model in models]
    control = [model.control for model in models]
    return table.assign(control=control, headline=table["model"].isin(headline(models))), models


def _gate(entry: configs.Model) -> str:
    if entry.kind == "joint":
        return f"top-{entry.top}" if entry.top else "soft"
    if entry.kind == "mixture":
        return entry.gate
    return "soft" if entry.kind == "fine-tuned" else ""


def _cost(path: Path, train_faces: int) -> dict[str, float]:
    """What a network costs by its record, and its best epoch. EmorecError where the record has no such numbers."""
    keys = ("parameters", "flops", "train_seconds", "best_epoch")
    record = read_record(path, (*keys, "spec"))
    found = {key: _number(path, record, key) for key in keys}
    if "train_flops" in record:
        return found | {"train_flops": _number(path, record, "train_flops")}
    if not found["flops"]:
        return found | {"train_flops": 0.0}
    # Networks published before they told: forward, and twice that backward, for every face of every step. Those that
    # did not tell their steps either all took as many as the training set has batches.
    epochs, batch = (_number(path, record, f"spec.training.{key}", least=1) for key in ("epochs", "batch"))
    steps = record.get("steps", epochs * (train_faces // batch))
    return found | {"train_flops": 3.0 * found["flops"] * steps * batch}


def _number(path: Path, record: Any, key: str, least: float = 0) -> float:
    """The number of at least `least` at the dotted `key`. Raises EmorecError where there is none."""
    value = record
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 1e300:
        wanted = "a positive number" if least else "a number of at least 0"
        raise EmorecError(f"{path}: {key} is not {wanted}; run the stage that makes it again")
    return value


def classes_table(summary: Path) -> pd.DataFrame:
    """classes.csv: faces of each emotion in each split, and their share of the split, from data/summary.json."""
    counts = read_record(summary, ("counts",))["counts"]
    rows = []
    for split in SPLITS:
        own = counts.get(split) if isinstance(counts, dict) else None
        if not isinstance(own, dict) or not all(isinstance(count, int) and count >= 0 for count in own.values()):
            raise EmorecError(f"{summary}: no numbers of faces by emotion of split {split}; run the data stage again")
        total = sum(own.values())
        for emotion in EMOTIONS:
            faces = int(own.get(emotion, 0))
            rows.append({"split": split, "emotion": emotion, "faces": faces, "share": faces / total if total else 0.0})
    return pd.DataFrame(rows)


def curves_table(histories: Sequence[Path]) -> pd.DataFrame:
    """curves.csv: every epoch of every history.csv; `best` marks the epoch that network.json, beside it, names.

    Raises EmorecError where a file is not what a training writes.
    """
    tables = {}
    for path in histories:
        beside = path.with_name("network.json")
        record = read_record(beside, ("network", "seed", "role", "best_epoch"))
        best = _number(beside, record, "best_epoch")
        identity = record["network"], record["seed"], record["role"]
        if [type(part) for part in identity] != [str, int, str]:
            raise EmorecError(f"{beside}: lacks the network's name, seed or role; train the network again")
        check_table(path)
        history = pd.read_csv(path)
        problem = _problem(history, best)
        if problem:
            raise EmorecError(f"{path}: {problem}; train the network again")
        if len(history):
            tables[identity] = history[list(HISTORY)].assign(best=history["epoch"] == best)
    table = pd.concat(tables, names=["network", "seed", "role"]).reset_index(level=[0, 1, 2])
    return table.sort_values(["network", "seed", "epoch"], ignore_index=True)


def _problem(history: pd.DataFrame, best: Any) -> str:
    """What is wrong with a history; empty where nothing is."""
    missing = [column for column in HISTORY if column not in history]
    if missing:
        return f"no column {', '.join(missing)}"
    if history.empty and best == 0:
        return ""
    words = [column for column in HISTORY if history[column].dtype.kind not in "if"]
    if words and len(history):
        return f"not only numbers in {', '.join(words)}"
    epochs = history["epoch"]
    if not (epochs.is_unique and (epochs >= 0).all() and (epochs % 1 == 0).all()):
        return "its epochs are not whole numbers, each once"
    if not (epochs == best).any():
        return f"lacks epoch {best}, the best by network.json"
    scored = [column for column in ("val_loss", "val_accuracy", "seconds") if not np.isfinite(history[column]).all()]
    return f"not only finite numbers in {', '.join(scored)}" if scored else ""
