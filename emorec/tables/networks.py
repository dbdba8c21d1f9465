"""Tables of what was trained and on what: models, classes, curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.errors import EmorecError
from emorec.inputs import check_table
from emorec.paths import HISTORY
from emorec.tables.controls import choose_controls, headline, with_controls
from emorec.tables.read import Model, read_record


def models_table(models: Sequence[Model], train_faces: int) -> pd.DataFrame:
    """models.csv: what each model is, what it costs, and what it is compared with.

    Parameters and flops (of one image) are sums over its networks; a network without operations, the expert for a
    single emotion, is none. `parts` names the networks, a gate first, then the experts in its order, with
    spaces between. train_seconds and train_flops are means over seeds, with the networks that a model starts from.
    kept_start names the seeds in which a fine-tuned mixture is no better on val than what it started from.

    Args:
        train_faces: of the training split, which all networks' steps are counted by.

    Raises:
        EmorecError: a record is missing or a model has no networks.
    """
    rows, records = [], _Records()
    for model in models:
        own = [[records.of(path) for path in paths] for paths in model.networks.values()]
        if not own or not own[0]:
            raise EmorecError(f"model {model.name}: no networks; name its networks in the config")
        first = next(iter(model.networks.values()))
        before = [[records.of(path) for path in model.before.get(seed, ())] for seed in model.networks]
        trained = [mine + theirs for mine, theirs in zip(own, before, strict=True)]
        rows.append(
            {
                "model": model.name,
                "kind": model.kind,
                "family": model.family or model.kind,
                "label": model.label,
                "networks": sum(record["flops"] > 0 for record in own[0]),
                "parts": " ".join(dict.fromkeys(path.parent.parent.name for path in first)),
                "parameters": sum(int(record["parameters"]) for record in own[0]),
                "flops": sum(int(record["flops"]) for record in own[0]),
                "train_seconds": float(np.mean([sum(float(r["train_seconds"]) for r in seed) for seed in trained])),
                "train_flops": float(np.mean([sum(_train_flops(r, train_faces) for r in seed) for seed in trained])),
                "grouping": model.grouping,
                "gate": model.gate,
                "foreign": model.foreign,
                "start": model.start,
                "length": model.length,
                "experts": model.experts or None,
                "primary": model.primary,
                "kept_start": " ".join(
                    str(seed)
                    for seed, record in zip(model.networks, own, strict=True)
                    if model.family == "fine-tuned" and record[0]["best_epoch"] == 0
                ),
            }
        )
    table = pd.DataFrame(rows)
    controls = choose_controls(models, dict(zip(table["model"], table["flops"], strict=True)))
    table = table.assign(
        experts=table["experts"].astype("Int64"),
        control=table["model"].map(controls).astype(object).fillna(""),
    )
    return table.assign(headline=table["model"].isin(headline(with_controls(models, table), controls)))


class _Records:
    """network.json of each network, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, dict[str, Any]] = {}

    def of(self, path: Path) -> dict[str, Any]:
        path = Path(path)
        if path not in self._read:
            record = read_record(path, ("parameters", "flops", "train_seconds", "best_epoch", "spec"))
            for key in ("parameters", "flops", "train_seconds", "best_epoch"):
                _check_number(path, record, key)
            if "train_flops" in record:
                _check_number(path, record, "train_flops")
            elif record["flops"]:
                for key in ("spec.training.epochs", "spec.training.batch"):
                    _check_number(path, record, key, least=1)
            self._read[path] = record
        return self._read[path]


def _check_number(path: Path, record: Any, key: str, least: float = 0) -> None:
    """EmorecError unless the record has a number of at least `least` at the dotted `key`; infinite ones are none."""
    value = record
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < 1e300:
        wanted = "a positive number" if least else "a number of at least 0"
        raise EmorecError(f"{path}: {key} is not {wanted}; run the stage that makes it again")


def _train_flops(record: dict[str, Any], faces: int) -> float:
    """Operations of a training, by its record; by formula for one published before records said so: forward, and twice
    that backward, for every face of every step."""
    if "train_flops" in record:
        return float(record["train_flops"])
    if not record["flops"]:
        return 0.0
    how = record["spec"]["training"]
    # Networks published before they told their steps all took as many as the training set has batches.
    steps = record.get("steps", how["epochs"] * (faces // how["batch"]))
    return 3.0 * record["flops"] * steps * how["batch"]


def classes_table(summary: Path) -> pd.DataFrame:
    """classes.csv: faces of each emotion in each split, and their share of the split, from data/summary.json."""
    counts = read_record(summary, ("counts",))["counts"]
    rows = []
    for split in SPLITS:
        if not isinstance(counts, dict) or not isinstance(counts.get(split, {}), dict):
            raise EmorecError(f"{summary}: its counts are no numbers by split and emotion; run the data stage again")
        if split not in counts:
            raise EmorecError(f"{summary}: no counts of split {split!r}; run the data stage again")
        if not all(isinstance(count, int) and count >= 0 for count in counts[split].values()):
            raise EmorecError(f"{summary}: a count of split {split!r} is no number of faces; run the data stage again")
        total = sum(counts[split].values())
        for emotion in EMOTIONS:
            faces = int(counts[split].get(emotion, 0))
            rows.append({"split": split, "emotion": emotion, "faces": faces, "share": faces / total if total else 0.0})
    return pd.DataFrame(rows)


def _check_history(path: Path, history: pd.DataFrame, best: Any) -> None:
    """EmorecError unless all are numbers, each epoch has a row of its own and the best one is among them."""
    words = [column for column in HISTORY if history[column].dtype.kind not in "if"]
    if words and len(history):
        raise EmorecError(f"{path}: not only numbers in {', '.join(words)}; train the network again")
    epochs = history["epoch"]
    if not (epochs.is_unique and (epochs >= 0).all() and (epochs % 1 == 0).all()):
        raise EmorecError(f"{path}: its epochs are not whole numbers, each once; train the network again")
    if not (epochs == best).any():
        raise EmorecError(f"{path}: lacks epoch {best}, the best by network.json; train the network again")
    scored = [column for column in ("val_loss", "val_accuracy", "seconds") if not np.isfinite(history[column]).all()]
    if scored:
        raise EmorecError(f"{path}: not only finite numbers in {', '.join(scored)}; train the network again")


def curves_table(histories: Sequence[Path]) -> pd.DataFrame:
    """curves.csv: every epoch of every history.csv; `best` marks the epoch that network.json, beside it, names.

    Epoch 0, without a training loss, is what a fine-tuned mixture starts from. A network that has nothing to learn, the
    expert of a single emotion, has no epochs, hence no rows.
    """
    tables = []
    for path in histories:
        path = Path(path)
        beside = path.with_name("network.json")
        record = read_record(beside, ("network", "seed", "role", "best_epoch"))
        _check_number(beside, record, "best_epoch")
        if [type(record[key]) for key in ("network", "seed", "role")] != [str, int, str]:
            raise EmorecError(f"{beside}: lacks the network's name, seed or role; train the network again")
        check_table(path)
        history = pd.read_csv(path)
        missing = [column for column in HISTORY if column not in history.columns]
        if missing:
            raise EmorecError(f"{path}: no column {', '.join(missing)}; train the network again")
        if history.empty and record["best_epoch"] == 0:
            continue
        history = history[list(HISTORY)]
        _check_history(path, history, record["best_epoch"])
        history.insert(0, "network", record["network"])
        history.insert(1, "seed", record["seed"])
        history.insert(2, "role", record["role"])
        history["best"] = history["epoch"] == record["best_epoch"]
        tables.append(history)
    if not tables:
        raise EmorecError("no histories given; name at least one network")
    return pd.concat(tables).sort_values(["network", "seed", "epoch"], ignore_index=True)
