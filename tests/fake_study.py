"""A made-up study in the contract's layout, for tests and for drawing figures without training anything.

Nothing here is learned: the models are a config's, and their probabilities come from planted class similarities, a
noise that all networks share (hard faces) and a noise of each network's own (which an ensemble averages away).
By hand: `python tests/fake_study.py OUTDIR --tables`.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # by hand, from a checkout that is not installed

from emorec import EMOTIONS, SPLITS
from emorec import config as configs
from emorec.data.stored import save
from emorec.data.synthetic import DEFAULT_MODEL, NAMES
from emorec.data.synthetic.action_units import draw_action_units
from emorec.files import atomic, write_csv, write_json, write_text
from emorec.paths import Layout
from emorec.predictions.store import write_predictions
from emorec.size import Size, resnet_size

SHARES = np.array([0.139, 0.016, 0.143, 0.251, 0.168, 0.111, 0.172])  # FER2013's own imbalance
FOUND = {"found": [("angry", "disgust"), ("fear", "surprise"), ("happy", "sad", "neutral")]}
# A study with a representative of every family of models; `study` and `seeds` are filled in.
CONFIG: dict[str, Any] = {
    "architecture": {"width": 16, "stem": "stride2"},
    "training": {"epochs": 20, "batch": 64},
    "groupings": {
        "original": [["happy", "neutral"], ["fear", "surprise"], ["angry", "disgust", "sad"]],
        "found": {"method": "spectral", "experts": 3},
        "random": {"method": "random", "like": "original", "seed": 1},
    },
    "models": {
        "resnet18": {"kind": "single", "label": "single ResNet-18"},
        "resnet18-wide": {"kind": "single", "label": "wide ResNet-18", "parameters_like": "mixture"},
        "resnet18-balanced": {
            "kind": "single",
            "label": "class-balanced ResNet-18",
            "training": {"class_balance": "sampling"},
        },
        "ensemble-3": {"kind": "ensemble", "label": "ensemble of three ResNets", "of": "resnet18", "members": 3},
        "ensemble": {"kind": "ensemble", "label": "ensemble of four ResNets", "of": "resnet18", "members": 4},
        "mixture": {
            "kind": "mixture",
            "label": "mixture of emotion experts",
            "of": "resnet18",
            "grouping": "original",
        },
        "mixture-top-1": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "top-1"},
        "mixture-oracle": {"kind": "mixture", "of": "resnet18", "grouping": "original", "gate": "oracle"},
        "mixture-found": {
            "kind": "mixture",
            "label": "mixture by the grouping found",
            "of": "resnet18",
            "grouping": "found",
        },
        "mixture-random": {"kind": "mixture", "of": "resnet18", "grouping": "random", "gate": "uniform"},
        "mixture-tuned": {"kind": "fine-tuned", "label": "fine-tuned mixture", "of": "mixture", "epochs": 3},
        "joint": {"kind": "joint", "label": "joint mixture of three experts", "of": "resnet18", "experts": 3},
        "joint-top-2": {
            "kind": "joint",
            "label": "joint mixture, two of four experts",
            "of": "resnet18",
            "experts": 4,
            "top": 2,
        },
        "joint-trunk": {
            "kind": "joint",
            "label": "joint mixture with a trunk",
            "of": "resnet18",
            "experts": 3,
            "trunk": 2,
        },
    },
}
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


def make_study(
    out: Path,
    faces: tuple[int, int, int] = (2800, 700, 700),
    seeds: int = 2,
    epochs: int = 20,
    state: int = 0,
    votes: bool = False,
    models: Sequence[str] | None = None,
) -> Path:
    """Write config.yaml, data/, groupings/, networks/ (no weights, no outputs), predictions.parquet, embeddings/.

    All below `out`, which is returned. `faces` counts train, val and test. With `votes` the study passes for one of
    FER2013 with FER+'s votes, without it for one of synthetic faces. `models` are those of CONFIG that it has, all by
    default. The same arguments give the same numbers.
    """
    study = _config(faces, seeds, epochs, state, votes, models)
    write_text(out / "config.yaml", configs.dump(study))
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
    for name, grouping in FOUND.items():
        _write_found(out / "groupings" / f"{name}.json", name, grouping, study.seeds)

    specs = configs.networks(study, FOUND)
    for part in configs.all_parts(study):
        folder = out / "networks" / part.network / f"seed{part.seed}"
        _write_network(folder, specs[part.network], part.seed, _generator(state, *part.__dict__.values()))

    scored = split > 0
    y = labels[scored]
    faces_of_all = Faces(y, rng.normal(size=(y.size, len(EMOTIONS))), state)
    test = split[scored] == SPLITS.index("test")
    predicted = {}
    for model in study.models:
        for seed in study.seeds:
            p, gate, hidden = _predict(study, specs, model, seed, faces_of_all)
            table = pd.DataFrame({"split": [SPLITS[s] for s in split[scored]], "row": row[scored], "label": y})
            table = table.assign(**{f"p_{e}": p[:, c].astype(np.float32) for c, e in enumerate(EMOTIONS)})
            table = table.assign(**{f"gate_{name}": weight.astype(np.float32) for name, weight in gate.items()})
            predicted[model, seed] = table
            with atomic(out / "embeddings" / model / f"seed{seed}.npz") as temporary:
                np.savez(
                    temporary,
                    embeddings=np.maximum(hidden + 1, 0)[test].astype(np.float16),
                    row=row[scored][test],
                    label=y[test],
                )
    write_predictions(Layout(out).predictions, predicted)
    return out


def write_all_tables(study: Path, resamples: int = 2000, sample: int = 2000) -> None:
    """Write every table of the contract to `study`/tables with the package's own functions."""
    from emorec.tables.groups import GROUPS, Sizes, write

    config = configs.load(study / "config.yaml")
    layout = Layout(study)
    sizes = Sizes(resamples, sample, twin_candidates=1, planted_faces=700)
    for group in GROUPS:
        write(group, config, layout, sizes)


@dataclass(frozen=True)
class Faces:
    """The scored faces: their labels (N,), how hard each is for every network (N, 7), and the study's number."""

    labels: np.ndarray
    hard: np.ndarray
    state: int


def _config(
    faces: tuple[int, int, int], seeds: int, epochs: int, state: int, votes: bool, models: Sequence[str] | None
) -> configs.Study:
    content = copy.deepcopy(CONFIG)
    content |= {"study": "made-up", "seeds": list(range(seeds))}
    content["training"]["epochs"] = epochs
    if models is not None:
        content["models"] = {name: content["models"][name] for name in models}
    if votes:
        content["data"] = {"source": "fer2013"}
    else:
        sizes = dict(zip(SPLITS, faces, strict=True))
        content["data"] = {"source": "synthetic", "synthetic": {**sizes, "seed": state, "wrong_labels": 0.05}}
    return configs.validate(content, "tests/fake_study.py")


def _generator(*of: Any) -> np.random.Generator:
    return np.random.default_rng([part if isinstance(part, int) else zlib.crc32(str(part).encode()) for part in of])


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _evidence(faces: Faces, network: str, seed: int, clearer: float = 0.0) -> np.ndarray:
    """Logits (N, 7) of one network; `clearer` adds to the margin of the truth."""
    alike = np.eye(len(EMOTIONS)) * (2.1 + clearer)
    for (a, b), value in SIMILAR.items():
        i, j = EMOTIONS.index(a), EMOTIONS.index(b)
        alike[i, j] = alike[j, i] = value
    alike[EMOTIONS.index("happy"), EMOTIONS.index("happy")] += 1
    own = _generator(faces.state, network, seed).normal(size=faces.hard.shape)
    return 1.3 * (alike[faces.labels] + 0.8 * faces.hard + 0.6 * own)


def _predict(
    study: configs.Study, specs: dict[str, configs.NetworkSpec], model: str, seed: int, faces: Faces
) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Probabilities (N, 7), the gate's weights by expert, and a representation (N, D) of one model."""
    entry = study.models[model]
    parts = configs.parts(study, model, seed)
    if entry.kind in ("single", "ensemble"):
        clearer = 0.15 if model.endswith("-wide") else 0.0
        p = np.mean([_softmax(_evidence(faces, part.network, part.seed, clearer)) for part in parts], axis=0)
        return p, {}, _hidden(p, faces, 64 * len(parts), 1.0 + 0.03 * (len(parts) - 1), model, seed)
    spec = specs[model].mixture if model in specs else None
    separate = study.models[entry.of] if entry.kind == "fine-tuned" else entry
    if separate.kind == "mixture":
        groups = configs.groups_of(study, separate.grouping, FOUND)
        names = configs.expert_networks(study, separate)
        experts = [configs.expert_name(group) for group in groups]
        gate_network = f"{separate.of}-gate-{separate.grouping}"
        clearer = 0.5 if entry.kind == "fine-tuned" else 0.4
    else:
        groups = [EMOTIONS] * entry.experts
        names = [f"{model}-expert-{number}" for number in range(1, entry.experts + 1)]
        experts = [f"expert-{number}" for number in range(1, entry.experts + 1)]
        gate_network, clearer = f"{model}-gate", 0.1
    weights = _gate(faces, gate_network, seed, groups, getattr(separate, "gate", "joint"), spec)
    mixed = np.full((faces.labels.size, len(EMOTIONS)), 1e-6)
    for e, (group, name) in enumerate(zip(groups, names, strict=True)):
        known = [EMOTIONS.index(emotion) for emotion in group]
        mixed[:, known] += weights[:, [e]] * _softmax(_evidence(faces, name, seed, clearer)[:, known])
    p = mixed / mixed.sum(axis=1, keepdims=True)
    return p, dict(zip(experts, weights.T, strict=True)), _hidden(p, faces, 64 * len(groups), 1.25, model, seed)


def _gate(
    faces: Faces, network: str, seed: int, groups: Sequence[Sequence[str]], how: str, spec: configs.MixtureSpec | None
) -> np.ndarray:
    """Weights (N, E) of a gate: by the evidence for each group; by chance affinities where experts are free."""
    evidence = _softmax(_evidence(faces, network, seed))
    if how == "joint":
        assert spec is not None
        affinity = _generator(faces.state, network, seed, 1).normal(size=(len(EMOTIONS), len(groups)))
        logits = 2 * evidence @ (affinity - affinity.mean(axis=0))
        if spec.top:
            logits[:, :2] += 4  # two experts get nearly all: a gate that has collapsed
            kept = logits >= np.sort(logits, axis=1)[:, [-spec.top]]
            logits = np.where(kept, logits, -np.inf)
        return _softmax(logits)
    own = np.array([[emotion in group for emotion in EMOTIONS] for group in groups], float)
    if how == "uniform":
        return np.full((faces.labels.size, len(groups)), 1 / len(groups))
    if how == "oracle":
        return np.eye(len(groups))[own[:, faces.labels].argmax(axis=0)]
    weights = evidence @ own.T
    weights /= weights.sum(axis=1, keepdims=True)
    return np.eye(len(groups))[weights.argmax(axis=1)] if how == "top-1" else weights


def _hidden(p: np.ndarray, faces: Faces, width: int, spread: float, model: str, seed: int) -> np.ndarray:
    rng = _generator(faces.state, model, seed, 2)
    mix = rng.normal(size=(len(EMOTIONS), width)) / np.sqrt(len(EMOTIONS))
    return np.log(p) * spread @ mix + rng.normal(scale=1.5, size=(len(p), width))


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
    for source, face in enumerate(np.flatnonzero(split == SPLITS.index("test"))[::10]):
        images[face] = 0.9 * images[source % max((split == 0).sum(), 1)]
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
    summary: dict[str, Any] = {
        "source": "made up for tests",
        "synthetic": True,
        "sha256": "0" * 64,
        "faces": int(labels.size),
        "counts": {
            name: {e: int(((split == s) & (labels == c)).sum()) for c, e in enumerate(EMOTIONS)}
            for s, name in enumerate(SPLITS)
        },
    }
    write_json(out / "summary.json", summary)


def _write_votes(out: Path, labels: np.ndarray, row: np.ndarray) -> None:
    """Ten votes a face, most of them for its label; the study is no longer called synthetic."""
    rng = np.random.default_rng(1)
    clear = rng.uniform(0.2, 1.0, size=labels.size)
    chances = np.full((labels.size, 10), 1 / 10) * (1 - clear[:, None])
    chances[np.arange(labels.size), labels] += clear
    save(out / "votes.npz", row=row, votes=rng.multinomial(10, chances).astype(np.uint8))
    (out / "truth.npz").unlink()
    summary = json.loads((out / "summary.json").read_text())
    write_json(out / "summary.json", summary | {"synthetic": False, "votes": {"faces": int(labels.size)}})


def _write_found(path: Path, name: str, groups: Sequence[Sequence[str]], seeds: Sequence[int]) -> None:
    confusion = np.zeros((len(EMOTIONS), len(EMOTIONS)))
    for (a, b), value in SIMILAR.items():
        i, j = EMOTIONS.index(a), EMOTIONS.index(b)
        confusion[i, j] = confusion[j, i] = 0.1 * value
    found = {"grouping": name, "method": "spectral", "experts": len(groups), "groups": [list(g) for g in groups]}
    write_json(path, found | {"confusion": confusion.tolist(), "seeds": list(seeds)})


def _write_network(out: Path, spec: configs.NetworkSpec, seed: int, rng: np.random.Generator) -> None:
    top = {"gate": 0.78, "expert": 0.86, "classifier": 0.66, "mixture": 0.68}[spec.role]
    epochs, start = spec.training.epochs, 1 / len(spec.classes)
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
    size = _size(spec)
    record = {
        "seed": seed,
        **{key: value for key, value in spec.to_dict(seed).items() if key not in ("architecture", "training")},
        "parameters": size.parameters,
        "flops": size.flops,
        "best_epoch": best + 1,
        "val_accuracy": float(val[best]),
        "train_seconds": float(history.seconds.sum()),
        "spec": {"architecture": spec.architecture.model_dump(), "training": spec.training.model_dump()},
        "hardware": "2 CPU cores",
        "versions": {"python": "3.11", "torch": "2.13.0"},
    }
    write_json(out / "network.json", record)


def _size(spec: configs.NetworkSpec) -> Size:
    """Parameters of all of a network, operations of what answers for a face."""
    shape = {"depth": spec.architecture.depth, "stem": spec.architecture.stem}
    width, mixture = spec.architecture.width, spec.mixture
    if mixture is None:
        return resnet_size(len(spec.classes), width=width, **shape)
    if mixture.trunk:
        branch_shape = shape | {"trunk_width": width, "trunk_stages": mixture.trunk}
        branch = resnet_size(len(EMOTIONS), width=mixture.branch_width, **branch_shape, whole=False)
        whole = resnet_size(len(EMOTIONS), width=mixture.branch_width, **branch_shape)
        return whole + branch * (len(mixture.experts) - 1)
    experts = [resnet_size(len(classes), width=width, **shape) for classes in mixture.experts]
    total = sum(experts, resnet_size(len(experts), width=width, **shape))
    active = sum(experts[: mixture.top], resnet_size(len(experts), width=width, **shape))
    return Size(total.parameters, active.flops)


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
