"""Tables of what was trained and on what: models, classes, curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from emorec import EMOTIONS, SPLITS
from emorec.errors import EmorecError
from emorec.tables.read import Model, read_record

HISTORY = ["epoch", "lr", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"]


def models_table(models: Sequence[Model]) -> pd.DataFrame:
    """models.csv: what each model costs. Sizes are sums over its networks; time is the mean over seeds of such sums.

    Raises EmorecError where a record is missing or a model has no networks.
    """
    rows = []
    for model in models:
        records = [
            [read_record(path, ("parameters", "flops", "train_seconds")) for path in paths]
            for paths in model.networks.values()
        ]
        if not records or not records[0]:
            raise EmorecError(f"model {model.name}: no networks; name its networks in the config")
        rows.append(
            {
                "model": model.name,
                "kind": model.kind,
                "label": model.label,
                "networks": len(records[0]),
                "parameters": sum(int(record["parameters"]) for record in records[0]),
                "flops": sum(int(record["flops"]) for record in records[0]),
                "train_seconds": float(np.mean([sum(float(r["train_seconds"]) for r in seed) for seed in records])),
                "grouping": model.grouping,
            }
        )
    return pd.DataFrame(rows)


def classes_table(summary: Path) -> pd.DataFrame:
    """classes.csv: faces of each emotion in each split, and their share of the split, from data/summary.json."""
    counts = read_record(summary, ("counts",))["counts"]
    rows = []
    for split in SPLITS:
        if split not in counts:
            raise EmorecError(f"{summary}: no counts of split {split!r}; run the data stage again")
        total = sum(counts[split].values())
        for emotion in EMOTIONS:
            faces = int(counts[split].get(emotion, 0))
            rows.append({"split": split, "emotion": emotion, "faces": faces, "share": faces / total if total else 0.0})
    return pd.DataFrame(rows)


def curves_table(histories: Sequence[Path]) -> pd.DataFrame:
    """curves.csv: every epoch of every history.csv; `best` marks the epoch that network.json, beside it, names.

    Epoch 0, without a training loss, is what a fine-tuned mixture starts from. A network that has nothing to learn, the
    expert of a single emotion, has no epochs, hence no rows.
    """
    tables = []
    for path in histories:
        path = Path(path)
        record = read_record(path.with_name("network.json"), ("network", "seed", "role", "best_epoch"))
        try:
            history = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise EmorecError(f"{path}: no history ({error}); train the network again") from None
        missing = [column for column in HISTORY if column not in history.columns]
        if missing:
            raise EmorecError(f"{path}: no column {', '.join(missing)}; train the network again")
        if history.empty:
            continue
        history = history[HISTORY]
        history.insert(0, "network", record["network"])
        history.insert(1, "seed", record["seed"])
        history.insert(2, "role", record["role"])
        history["best"] = history["epoch"] == record["best_epoch"]
        tables.append(history)
    if not tables:
        raise EmorecError("no histories given; name at least one network")
    return pd.concat(tables).sort_values(["network", "seed", "epoch"], ignore_index=True)
