"""Twelve test faces, drawn at random by kind so that nobody picked them, with what models and gate say of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emorec import EMOTIONS
from emorec.data.faces import load_faces
from emorec.figures import style
from emorec.figures.gate import expert_label
from emorec.frames import read_table
from emorec.inputs import read_json
from emorec.predictions.store import PROBABILITIES, Gate, read_gates, read_predictions

OF_A_KIND = 3
# Greys in turn for the gate's experts.
TONES = ("#bdbdbd", "#e6e6e6")
PICTURE = 22.0


def kinds(right: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Which faces are of each kind; `right` has bools (n,) of every model, the single first, the mixture last."""
    single, mixture, every = right[0], right[-1], np.stack(right)
    changed = {"mixture puts right": ~single & mixture, "mixture gets wrong": single & ~mixture}
    return {"all right": every.all(axis=0), **changed, "all wrong": ~every.any(axis=0)}


def choose(found: Mapping[str, np.ndarray]) -> dict[str, list[int]]:
    """Up to OF_A_KIND faces of each kind, at random."""
    rng = np.random.default_rng(0)
    places = {kind: np.flatnonzero(mask) for kind, mask in found.items()}
    return {kind: sorted(rng.permutation(own)[:OF_A_KIND].tolist()) for kind, own in places.items()}


def draw(
    images: np.ndarray, labels: np.ndarray, shares: Mapping[str, np.ndarray], gate: Gate | None, *, synthetic: bool
) -> Figure:
    """Test faces and what is said of them, by what the models are called, the single first and the mixture last.

    `images` (n,48,48) uint8, `labels` (n,), `shares` (n,7) of each model, `gate` of the mixture for the same n faces.
    """
    chosen = choose(kinds([own.argmax(axis=1) == labels for own in shares.values()]))
    rows = [(kind, faces) for kind, faces in chosen.items() if faces]
    figure = style.new_figure(min(style.PAGE_HEIGHT_MM, 8 + len(rows) * (PICTURE + 11)))
    grid = figure.subplots(len(rows), 2 * OF_A_KIND, squeeze=False, width_ratios=[0.75, 1] * OF_A_KIND)
    for line, (kind, faces) in enumerate(rows):
        grid[line, 0].set_ylabel(kind)
        for face, picture, words in zip_longest(faces, grid[line, ::2], grid[line, 1::2]):
            words.set_axis_off()
            style.no_frame(picture)
            if face is None:
                continue
            picture.imshow(images[face], cmap="gray", vmin=0, vmax=255, interpolation="none")
            picture.set_title(EMOTIONS[labels[face]], loc="left", fontsize=8)
            write_answers(words, {name: own[face] for name, own in shares.items()}, int(labels[face]))
            if gate is not None:
                draw_gate(words, dict(zip(gate.experts, gate.weights[face].tolist(), strict=True)))
    figure.suptitle("Synthetic test faces and answers" if synthetic else "Test faces and answers")
    return figure


def write_answers(axes: Axes, shares: Mapping[str, np.ndarray], label: int) -> None:
    """Every model's answer with its probability, and whether that is the label."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    height = 0.9
    for name, own in shares.items():
        answer = int(own.argmax())
        mark, colour = ("✓", style.BETTER) if answer == label else ("✗", style.WORSE)
        text = f"{mark} {name}: {EMOTIONS[answer]} {100 * own[answer]:.0f} %"
        axes.text(0, height, text, va="top", color=colour, fontsize=7.5)
        height -= 0.19


def draw_gate(axes: Axes, gate: Mapping[str, float]) -> None:
    """The gate's weights as one bar from 0 to 1, the experts in their order."""
    start = 0.0
    for number, weight in enumerate(gate.values()):
        tone = TONES[number % 2]
        axes.barh(0.13, weight, left=start, height=0.07, color=tone, edgecolor=style.MUTED, linewidth=0.4)
        start += weight
    first = max(gate, key=lambda name: gate[name])
    axes.text(0, 0.075, f"gate {100 * gate[first]:.0f} %: {expert_label(first)}", va="top", fontsize=7)


def make(faces: Path, summary: Path, models: Path, predictions: Path) -> Figure:
    """The figure of a study's faces and predictions, of the first seed."""
    table = read_table(models)
    mixture, core, kind = style.primary(table), style.core(table), table.set_index("model")["kind"]
    if mixture is None:
        return style.nothing("This study has no mixture to compare with another model.")
    answers = read_predictions(predictions)
    seed = int(answers["seed"].min())
    answers = answers[(answers["seed"] == seed) & (answers["split"] == "test")]
    own = {model: answers[answers["model"] == model] for model in core}
    gate = read_gates(predictions, [(mixture, seed)]).get((mixture, seed))
    if gate is not None:
        gate = replace(gate, weights=gate.weights[gate.split == "test"])
    found = load_faces(faces)
    place = pd.Series(range(len(found)), index=found.row)
    images = found.images[place.loc[own[mixture]["row"]].to_numpy()]
    order = [model for model in core if model != mixture] + [mixture]
    shares = {str(kind[model]): own[model][PROBABILITIES].to_numpy() for model in order}
    synthetic = bool(read_json(summary)["synthetic"])
    return draw(images, own[mixture]["label"].to_numpy(), shares, gate, synthetic=synthetic)
