"""Twelve test faces with what the single, the control and the mixture say, and how the mixture's gate weighs.

They are drawn at random by kind, so that nobody picked them: those that all name rightly, those that only the mixture
puts right or gets wrong against the single, and those that no model names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emorec import EMOTIONS, parquet
from emorec.data.faces import load_faces
from emorec.figures import style
from emorec.figures.gate import expert_label

# `predictions` is the folder: which files of it are read follows from the models.
INPUTS = ("data/faces.npz", "data/summary.json", "tables/models.csv", "predictions")

OF_A_KIND = 3
SHARES = [f"p_{emotion}" for emotion in EMOTIONS]
KINDS = ("all right", "mixture puts right", "mixture gets wrong", "all wrong")
# Greys in turn for the gate's experts.
TONES = ("#bdbdbd", "#e6e6e6")
PICTURE = 22.0


def kinds(right: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Which faces are of each of KINDS; `right` has bools (n,) of every model, the single first, the mixture last."""
    single, mixture, every = right[0], right[-1], np.stack(right)
    masks = (every.all(axis=0), ~single & mixture, single & ~mixture, ~every.any(axis=0))
    return dict(zip(KINDS, masks, strict=True))


def choose(found: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, list[int]]:
    """Up to OF_A_KIND faces of each kind, at random by `seed`."""
    rng = np.random.default_rng(seed)
    places = {kind: np.flatnonzero(mask) for kind, mask in found.items()}
    return {kind: sorted(rng.permutation(own)[:OF_A_KIND].tolist()) for kind, own in places.items()}


@style.styled
def draw(images: np.ndarray, predictions: Mapping[str, pd.DataFrame], *, synthetic: bool) -> Figure:
    """`images` (n,48,48) uint8 of the test faces; `predictions` by what the models are called, the single's first, the
    mixture's last, each a row a face in the same order, as in a Parquet file of predictions."""
    answers = {name: frame[SHARES].to_numpy().argmax(axis=1) for name, frame in predictions.items()}
    labels = next(iter(predictions.values()))["label"].to_numpy()
    chosen = choose(kinds([answer == labels for answer in answers.values()]))
    rows = [(kind, faces) for kind, faces in chosen.items() if faces]
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 8 + len(rows) * (PICTURE + 11)))
    grid = figure.subplots(len(rows), 2 * OF_A_KIND, squeeze=False, width_ratios=[0.75, 1] * OF_A_KIND)
    for line, (kind, faces) in enumerate(rows):
        for column in range(OF_A_KIND):
            picture, words = grid[line, 2 * column], grid[line, 2 * column + 1]
            words.set_axis_off()
            picture.set_xticks([])
            picture.set_yticks([])
            picture.spines[:].set_visible(False)
            if column >= len(faces):
                continue
            face = faces[column]
            picture.imshow(images[face], cmap="gray", vmin=0, vmax=255, interpolation="none")
            picture.set_title(f"{EMOTIONS[labels[face]]}", loc="left", fontsize=8)
            given = {name: frame.iloc[face] for name, frame in predictions.items()}
            say(words, given, labels[face])
        grid[line, 0].set_ylabel(kind)
    figure.suptitle("Synthetic test faces and answers" if synthetic else "Test faces and answers")
    return figure


def say(axes: Axes, given: Mapping[str, pd.Series], label: int) -> None:
    """Every model's answer with its probability, and a bar with the gate's weights, the largest named."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    height = 0.9
    for name, row in given.items():
        shares = row[SHARES].to_numpy(float)
        answer = int(shares.argmax())
        mark, colour = ("✓", style.BETTER) if answer == label else ("✗", style.WORSE)
        text = f"{mark} {name}: {EMOTIONS[answer]} {100 * shares[answer]:.0f} %"
        axes.text(0, height, text, va="top", color=colour, fontsize=7.5)
        height -= 0.19
    weights = {str(column): float(row[column]) for column in row.index if str(column).startswith("gate_")}
    gate = {column.removeprefix("gate_"): weight for column, weight in weights.items()}
    if gate:
        weigh(axes, gate)


def weigh(axes: Axes, gate: Mapping[str, float]) -> None:
    """The gate's weights as one bar from 0 to 1, the experts in their order."""
    start = 0.0
    for number, weight in enumerate(gate.values()):
        bar: dict[str, Any] = {"height": 0.07, "color": TONES[number % 2], "edgecolor": style.MUTED, "linewidth": 0.4}
        axes.barh(0.13, weight, left=start, **bar)
        start += weight
    first = max(gate, key=lambda name: gate[name])
    axes.text(0, 0.075, f"gate {100 * gate[first]:.0f} %: {expert_label(first)}", va="top", fontsize=7)


def make(study: Path) -> Figure:
    """The figure of a study's faces and predictions, of the first seed that all models have."""
    models = style.read(study / INPUTS[2])
    mixture, shown = style.primary(models), style.core(models)
    if mixture is None:
        return style.nothing("This study has no mixture to compare with another model.")
    shown = [model for model in shown if model != mixture] + [mixture]
    synthetic = bool(json.loads((study / INPUTS[1]).read_text(encoding="utf-8"))["synthetic"])
    folder = study / INPUTS[3]
    seed = min(set.intersection(*({path.name for path in (folder / model).glob("seed*")} for model in shown)))
    frames = {model: parquet.read(folder / model / seed).to_pandas() for model in shown}
    tests = {model: frame[frame["split"] == "test"].sort_values("row") for model, frame in frames.items()}
    faces, kind = load_faces(study / INPUTS[0]), models.set_index("model")["kind"]
    place = pd.Series(range(len(faces)), index=faces.row)
    images = faces.images[place.loc[tests[mixture]["row"]].to_numpy()]
    return draw(images, {str(kind[model]): frame for model, frame in tests.items()}, synthetic=synthetic)
