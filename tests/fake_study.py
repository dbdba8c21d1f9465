"""A made-up study in the contract's layout, for tests and for drawing figures without training anything.

Nothing here is learned: probabilities come from planted class similarities, a noise that all networks share (hard
faces) and a noise of each network's own (which an ensemble averages away).
By hand: `python tests/fake_study.py OUTDIR --tables`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # by hand, from a checkout that is not installed

from emorec import EMOTIONS, SPLITS
from emorec.data.faces import load_faces
from emorec.data.synthetic import DEFAULT_MODEL, NAMES
from emorec.data.synthetic.action_units import draw_action_units
from emorec.data.truth import load_truth
from emorec.data.votes import Votes, load_votes, save_votes
from emorec.files import atomic, write_csv, write_json

SHARES = np.array([0.139, 0.016, 0.143, 0.251, 0.168, 0.111, 0.172])  # FER2013's own imbalance
GROUPS = (("happy", "neutral"), ("fear", "surprise"), ("angry", "disgust", "sad"))
EXPERTS = tuple("-".join(group) for group in GROUPS)
MEMBERS = ("resnet18", "resnet18-2", "resnet18-3", "resnet18-4")
# How alike two emotions look: added to the evidence for the wrong one.
SIMILAR = {
    ("sad", "neutral"): 1.5,
    ("fear", "sad"): 1.3,
    ("angry", "sad"): 1.1,
    ("fear", "surprise"): 1.2,
    ("angry", "disgust"): 1.4,
    ("happy", "neutral"): 0.6,
    ("angry", "fear"): 0.7,
}
# model: (kind, label, grouping, networks)
MODELS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "resnet18": ("single", "single ResNet-18", "", ("resnet18",)),
    "ensemble": ("ensemble", "ensemble of four ResNets", "", MEMBERS),
    "mixture": ("mixture", "mixture of emotion experts", "original", ("gate", *EXPERTS)),
}


def make_study(
    out: Path,
    faces: tuple[int, int, int] = (2800, 700, 700),
    seeds: int = 2,
    epochs: int = 20,
    state: int = 0,
    votes: bool = False,
) -> Path:
    """Write data/, networks/ (without weights and outputs), predictions/ and embeddings/ below `out`; return `out`.

    `faces` counts train, val and test. With `votes` the study passes for one of FER2013 with FER+'s votes, without it
    for one of synthetic faces. The same arguments give the same numbers.
    """
    rng = np.random.default_rng(state)
    split = np.repeat(np.arange(3, dtype=np.uint8), faces)
    labels = rng.choice(len(EMOTIONS), size=split.size, p=SHARES).astype(np.uint8)
    for code, count in enumerate(faces):  # no emotion may be missing from a split
        start = sum(faces[:code])
        labels[start : start + min(count, len(EMOTIONS))] = np.arange(min(count, len(EMOTIONS)))
    row = np.arange(split.size, dtype=np.int32)
    _write_data(out / "data", labels, split, row, rng)
    if votes:
        _write_votes(out / "data", labels, row)

    for seed in range(seeds):
        for network in (*MEMBERS, "gate", *EXPERTS):
            _write_network(out / "networks" / network / f"seed{seed}", network, seed, epochs, rng)

    scored = split > 0
    shared = rng.normal(size=(int(scored.sum()), len(EMOTIONS)))
    y = labels[scored]
    test = split[scored] == SPLITS.index("test")
    for seed in range(seeds):
        members = [_softmax(_evidence(y, shared, rng)) for _ in MEMBERS]
        gate, mixed = _mixture(y, shared, rng)
        for model, p, weights in (
            ("resnet18", members[0], None),
            ("ensemble", np.mean(members, axis=0), None),
            ("mixture", mixed, gate),
        ):
            table = pd.DataFrame({"split": [SPLITS[s] for s in split[scored]], "row": row[scored], "label": y})
            for c, emotion in enumerate(EMOTIONS):
                table[f"p_{emotion}"] = p[:, c].astype(np.float32)
            if weights is not None:
                for e, expert in enumerate(EXPERTS):
                    table[f"gate_{expert}"] = weights[:, e].astype(np.float32)
            with atomic(out / "predictions" / model / f"seed{seed}.parquet") as temporary:
                table.to_parquet(temporary, index=False)
            width, spread = {"resnet18": (64, 1.0), "ensemble": (256, 1.1), "mixture": (256, 1.25)}[model]
            mix = rng.normal(size=(len(EMOTIONS), width)) / np.sqrt(len(EMOTIONS))
            hidden = np.log(p) * spread @ mix + rng.normal(scale=1.5, size=(y.size, width))
            with atomic(out / "embeddings" / model / f"seed{seed}.npz") as temporary:
                np.savez(
                    temporary,
                    embeddings=np.maximum(hidden + 1, 0)[test].astype(np.float16),
                    row=row[scored][test],
                    label=y[test],
                )
    return out


def write_all_tables(study: Path, resamples: int = 2000, sample: int = 2000) -> None:
    """Write every table of the contract to `study`/tables with the package's own functions."""
    from emorec import tables

    seeds = sorted(int(path.stem.removeprefix("seed")) for path in (study / "predictions" / "resnet18").iterdir())
    models = [
        tables.Model(name, kind, label, grouping, {s: [_record(study, n, s) for n in networks] for s in seeds})
        for name, (kind, label, grouping, networks) in MODELS.items()
    ]
    histories = sorted((study / "networks").glob("*/seed*/history.csv"))
    predictions = tables.read_predictions(
        {(m.name, s): study / f"predictions/{m.name}/seed{s}.parquet" for m in models for s in seeds}
    )
    embeddings = tables.read_embeddings(
        {(m.name, s): study / f"embeddings/{m.name}/seed{s}.npz" for m in models for s in seeds}
    )
    counts, twins = tables.audit_tables(load_faces(study / "data" / "faces.npz"), nearest=1)
    made = {
        "models": tables.models_table(models),
        "classes": tables.classes_table(study / "data" / "summary.json"),
        "scores": tables.scores_table(predictions),
        "recall": tables.recall_table(predictions),
        "confusion": tables.confusion_table(predictions),
        "pairs": tables.pairs_table(predictions),
        "summary": tables.summary_table(predictions, resamples),
        "calibration": tables.calibration_table(predictions),
        "reliability": tables.reliability_table(predictions),
        "risk_coverage": tables.risk_coverage_table(predictions),
        "comparisons": tables.comparisons_table(predictions, models, resamples),
        "pair_comparisons": tables.pair_comparisons_table(predictions, models, resamples),
        "audit": counts,
        "twins": twins,
        "without_twins": tables.without_twins_table(predictions, models, twins, resamples),
        "gate": tables.gate_table(predictions),
        "projections": tables.projections_table(embeddings, predictions, sample),
        "representation": tables.representation_table(embeddings),
        "curves": tables.curves_table(histories),
        "claims": tables.claims_table(predictions, embeddings, models, resamples),
    }
    made["spread"] = tables.spread_table(made["recall"], made["confusion"], made["pairs"])
    if (study / "data" / "truth.npz").exists():
        truth = load_truth(study / "data" / "truth.npz")
        made["truth"] = tables.truth_table(predictions, truth, 0.05, count=700)
        made["planted"] = tables.planted_pairs(count=700)
    if (study / "data" / "votes.npz").exists():
        votes = load_votes(study / "data" / "votes.npz")
        made["ferplus"] = tables.ferplus_table(predictions, votes)
        made["by_majority"] = tables.by_majority_table(predictions, models, votes, resamples)
    for name, table in made.items():
        write_csv(study / "tables" / f"{name}.csv", table)


def _record(study: Path, network: str, seed: int) -> Path:
    return study / "networks" / network / f"seed{seed}" / "network.json"


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _evidence(y: np.ndarray, shared: np.ndarray, rng: np.random.Generator, clearer: float = 0.0) -> np.ndarray:
    """Logits (N, 7) of one network; `clearer` adds to the margin of the truth."""
    alike = np.eye(len(EMOTIONS)) * (2.1 + clearer)
    for (a, b), value in SIMILAR.items():
        i, j = EMOTIONS.index(a), EMOTIONS.index(b)
        alike[i, j] = alike[j, i] = value
    alike[EMOTIONS.index("happy"), EMOTIONS.index("happy")] += 1
    return 1.3 * (alike[y] + 0.8 * shared + 0.6 * rng.normal(size=shared.shape))


def _mixture(y: np.ndarray, shared: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Gate weights (N, 3) and mixed probabilities (N, 7) of experts that see their own emotions alone."""
    whole = _softmax(_evidence(y, shared, rng))
    columns = [[EMOTIONS.index(e) for e in group] for group in GROUPS]
    gate = np.stack([whole[:, c].sum(axis=1) for c in columns], axis=1)
    mixed = np.full((y.size, len(EMOTIONS)), 1e-6)
    for e, c in enumerate(columns):
        mixed[:, c] += gate[:, [e]] * _softmax(_evidence(y, shared, rng, clearer=0.4)[:, c])
    return gate, mixed / mixed.sum(axis=1, keepdims=True)


def _write_data(out: Path, labels: np.ndarray, split: np.ndarray, row: np.ndarray, rng: np.random.Generator) -> None:
    v, u = np.mgrid[0:48, 0:48] / 23.5 - 1
    head = (u**2 / 0.6 + v**2 / 0.9) < 1
    pictures = np.where(head, 150.0, 60.0)[None].repeat(len(EMOTIONS), axis=0)
    bend = {"happy": 0.3, "sad": -0.3, "angry": -0.15, "disgust": -0.2, "fear": 0.0, "surprise": 0.0, "neutral": 0.0}
    for c, emotion in enumerate(EMOTIONS):
        wide_open = emotion in ("fear", "surprise")
        mouth = np.abs(v - 0.5 + bend[emotion] * (u**2 / 0.12 - 0.5)) < (0.14 if wide_open else 0.05)
        eyes = ((np.abs(u) - 0.33) ** 2 / 0.02 + (v + 0.2) ** 2 / (0.02 if wide_open else 0.006)) < 1
        pictures[c][(mouth & (np.abs(u) < 0.35)) | eyes] = 30.0
    images = pictures.astype(np.float32)[labels]
    images += rng.normal(scale=18, size=images.shape).astype(np.float32)
    images *= rng.uniform(0.6, 1.3, size=(labels.size, 1, 1)).astype(np.float32)
    images = np.clip(images, 0, 255).astype(np.uint8)
    # One test face in ten is a copy of a training face, a little darker.
    for copy, face in enumerate(np.flatnonzero(split == SPLITS.index("test"))[::10]):
        images[face] = 0.9 * images[copy % max((split == 0).sum(), 1)]
    with atomic(out / "faces.npz") as temporary:
        np.savez(temporary, images=images, labels=labels, split=split, row=row)
    wrong = rng.random(labels.size) < 0.05
    true_labels = np.where(wrong, rng.integers(0, len(EMOTIONS), labels.size), labels).astype(np.uint8)
    units = draw_action_units(true_labels, DEFAULT_MODEL, np.random.default_rng(2))
    with atomic(out / "truth.npz") as temporary:
        np.savez(
            temporary,
            true_labels=true_labels,
            action_units=units.astype(np.float16),
            names=np.array(NAMES),
        )
    training = images[split == 0] / 255
    summary: dict[str, Any] = {
        "source": "made up for tests",
        "synthetic": True,
        "sha256": "0" * 64,
        "faces": int(labels.size),
        "counts": {
            name: {e: int(((split == s) & (labels == c)).sum()) for c, e in enumerate(EMOTIONS)}
            for s, name in enumerate(SPLITS)
        },
        "mean": float(training.mean()),
        "std": float(training.std()),
        "duplicates": {
            "exact_within": {"train": 3, "val": 0, "test": 1},
            "exact_across": {"train-val": 2, "train-test": 1, "val-test": 0},
        },
    }
    write_json(out / "summary.json", summary)


def _write_votes(out: Path, labels: np.ndarray, row: np.ndarray) -> None:
    """Ten votes a face, most of them for its label; the study is no longer called synthetic."""
    rng = np.random.default_rng(1)
    clear = rng.uniform(0.2, 1.0, size=labels.size)
    chances = np.full((labels.size, 10), 1 / 10) * (1 - clear[:, None])
    chances[np.arange(labels.size), labels] += clear
    save_votes(out / "votes.npz", Votes(row, rng.multinomial(10, chances).astype(np.uint8)))
    (out / "truth.npz").unlink()
    summary = json.loads((out / "summary.json").read_text())
    write_json(out / "summary.json", summary | {"synthetic": False, "votes": {"faces": int(labels.size)}})


def _write_network(out: Path, network: str, seed: int, epochs: int, rng: np.random.Generator) -> None:
    role = "gate" if network == "gate" else "expert" if network in EXPERTS else "classifier"
    emotions = list(network.split("-")) if role == "expert" else list(EMOTIONS)
    classes = [list(group) for group in GROUPS] if role == "gate" else [[emotion] for emotion in emotions]
    top = {"gate": 0.78, "expert": 0.86, "classifier": 0.66}[role]
    start = 1 / len(classes)
    t = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-4 * t / epochs)
    val = start + (top - start) * rise + rng.normal(scale=0.008, size=epochs)
    train = start + (top + 0.09 - start) * rise**1.1 + rng.normal(scale=0.003, size=epochs)
    history = pd.DataFrame(
        {
            "epoch": t,
            "lr": 0.01 * 0.5 * (1 + np.cos(np.pi * (t - 1) / epochs)),
            "train_loss": -np.log(np.clip(train, 0.05, 0.95)) * 1.2,
            "train_accuracy": train,
            "val_loss": -np.log(np.clip(val, 0.05, 0.95)) * 1.25 + 0.1 * (t / epochs) ** 4,
            "val_accuracy": val,
            "seconds": rng.normal(3.0, 0.1, size=epochs),
        }
    )
    write_csv(out / "history.csv", history)
    best = int(np.argmax(val))
    write_json(
        out / "network.json",
        {
            "network": network,
            "seed": seed,
            "role": role,
            "classes": classes,
            "emotions": emotions,
            "parameters": 700_000 + len(classes) * 257,
            "flops": 18_000_000 + len(classes) * 256,
            "best_epoch": best + 1,
            "val_accuracy": float(val[best]),
            "train_seconds": float(history.seconds.sum()),
            "spec": {"width": 16, "depth": 18, "epochs": epochs},
            "hardware": "2 CPU cores",
            "versions": {"python": "3.11", "torch": "2.13.0"},
        },
    )


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tables", action="store_true", help="write the tables too")
    parser.add_argument("--resamples", type=int, default=2000)
    parser.add_argument("--sample", type=int, default=2000, help="faces in the PCA and t-SNE pictures")
    options = parser.parse_args(arguments)
    make_study(options.out, seeds=options.seeds)
    if options.tables:
        write_all_tables(options.out, options.resamples, options.sample)


if __name__ == "__main__":
    main(sys.argv[1:])
