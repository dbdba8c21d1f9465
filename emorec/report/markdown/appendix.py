"""Printed tables of what was trained on what, with every setting and score."""

from __future__ import annotations

from typing import Any

import pandas as pd

from emorec import EMOTIONS
from emorec.frames import each_row, row_at
from emorec.report import lookups, walltimes
from emorec.report.markdown.experiments import COSTS, cost
from emorec.report.markdown.performance import METRICS
from emorec.report.markdown.pipe import pipe
from emorec.report.results import Results
from emorec.report.variables import study
from emorec.report.wording import text as w


def data(results: Results) -> str:
    """Faces by emotion and split."""
    table = results["classes"].set_index(["emotion", "split"])
    rows = []
    for emotion in EMOTIONS:
        cells = [row_at(table, (emotion, split)) for split in ("train", "val", "test")]
        rows.append([emotion, *(f"{w.count(c.faces)} ({w.percent(c.share)})" for c in cells)])
    totals = results["classes"].groupby("split").faces.sum()
    rows.append(["all", *(w.count(totals[split]) for split in ("train", "val", "test"))])
    return pipe(["Emotion", "Training", "Validation", "Test"], rows, "lrrr")


def wall_times(results: Results) -> str:
    """What the workflow measured of the networks' jobs."""
    stages = {"train": "training", "outputs": "outputs"}
    rows = [
        [
            f"`{row.network}`",
            stages[row.stage],
            w.count(row.jobs),
            w.duration(row.seconds),
            w.duration(row.processor),
            w.NONE if pd.isna(row.memory) else f"{w.count(row.memory)}{w.NBSP}MB",
        ]
        for row in each_row(walltimes.by_network(results.jobs).sort_values("stage", ascending=False, kind="stable"))
    ]
    header = ["Network", "Stage", "Jobs", "Clock", "Processors", "Memory"]
    return pipe(header, rows, "llrrrr")


def models(results: Results) -> str:
    """What each model is made of, what it costs, and what it is compared with."""
    foreign = {"other": "others: other", "down-weighted": "others weigh less"}
    rows = []
    for row in each_row(results["models"]):
        groups = w.groups(results.grouped(row.model))
        made = [groups or (f"{int(row.experts)} free experts" if row.experts > 0 else "")]
        made += [f"gate: {row.gate}" if row.gate else "", foreign.get(row.foreign, "")]
        control = results.label(row.control) if row.control else w.NONE
        cells = [w.count(row.networks), *cost(results, row.model), w.duration(row.train_seconds)]
        family = row.family if row.kind != "oracle" else "bound"
        rows.append([f"{row.label} (`{row.model}`)", family, ". ".join(filter(None, made)) or w.NONE, control, *cells])
    header = ["Model", "Family", "Experts", "Control", "Networks", *COSTS, "Training"]
    return pipe(header, rows, "llllrrrrr")


def networks(results: Results) -> str:
    """Every network with its kept epoch."""
    frame = pd.DataFrame(
        [{k: n[k] for k in ("network", "role", "best_epoch", "val_accuracy", "parameters", "train_seconds")}
         | {"outputs": len(n["classes"])} for n in results.networks]
    )  # fmt: skip
    rows = []
    frame["order"] = frame.role.map({"classifier": 0, "gate": 1, "expert": 2, "mixture": 3})
    for name, part in frame.sort_values(["order", "network"]).groupby("network", sort=False):
        low, high = int(part.best_epoch.min()), int(part.best_epoch.max())
        rows.append(
            [
                f"`{name}`",
                str(part.role.iloc[0]),
                w.count(part.outputs.iloc[0]),
                w.count(len(part)),
                str(low) if low == high else f"{low} to {high}",
                w.number(100 * part.val_accuracy.mean()),
                w.large(part.parameters.iloc[0]),
                w.duration(part.train_seconds.mean()),
            ]
        )
    header = ["Network", "Role", "Outputs", "Seeds", "Kept epoch", "Validation accuracy", "Parameters", "Training"]
    return pipe(header, rows, "llrrrrrr")


def scores(results: Results) -> str:
    """Every score of every model, seed and split."""
    keys = ["model", "seed", "split"]
    table = results["scores"].pivot_table(index=keys, columns="metric", values="value", sort=False)
    rows = []
    for row in each_row(table.reset_index()):
        values = [w.number(100 * value) for value in (row.accuracy, row.macro_f1)]
        values += [w.number(value, 3) for value in (row.nll, row.brier, row.ece)]
        rows.append([results.label(row.model), str(row.seed), {"val": "validation"}.get(row.split, row.split), *values])
    return pipe(["Model", "Seed", "Split", *METRICS.values()], rows, "lrlrrrrr")


def hyperparameters(results: Results) -> str:
    """Every setting of the reference network, and the networks where it is another one."""
    reference = w.flatten(lookups.reference_record(results)["spec"])
    others: dict[str, dict[str, str]] = {}
    roles: dict[str, list[str]] = {}
    for record in results.networks:
        if record["network"] not in others:
            others[record["network"]] = w.flatten(record["spec"])
            roles.setdefault(record["role"], []).append(record["network"])
    keys = [*reference, *(k for spec in others.values() for k in spec)]
    rows = []
    for key in dict.fromkeys(keys):
        value = reference.get(key, w.NONE)
        different: dict[str, list[str]] = {}
        for name, spec in others.items():
            if spec.get(key, w.NONE) != value:
                different.setdefault(spec.get(key, w.NONE), []).append(name)
        text = "; ".join(f"{found} in {_named(names, roles)}" for found, names in different.items())
        rows.append([f"`{key}`", value, text])
    if not any(row[2] for row in rows):
        return pipe(["Setting", "Value, in all networks"], [row[:2] for row in rows], "ll")
    return pipe(["Setting", "Value", "Otherwise"], rows, "lll")


def _named(names: list[str], roles: dict[str, list[str]]) -> str:
    """Networks by name, all of one role together where there are several of it."""
    every = {"expert": "every expert", "gate": "every gate", "mixture": "every jointly trained mixture"}
    parts, left = [], list(names)
    for role, own in roles.items():
        if role in every and len(own) > 1 and set(own) <= set(left):
            parts.append(every[role])
            left = [name for name in left if name not in own]
    return w.listing([*parts, *(f"`{name}`" for name in left)])


def colophon(results: Results, meta: dict[str, Any]) -> str:
    """What made the report: code, config, data, software, hardware."""
    known = study.branches(results, meta)["meta"]
    rows = [
        ["Study", f"`{known['study']}`"],
        ["Commit", f"`{known['commit_full']}`"],
        ["Working tree", known["tree"]],
        ["Date of the commit", known["date"]],
        *([["Results", str(meta["results"])]] if meta.get("results") else []),
        ["SHA-256 of the config", _hash(known["config_sha256"])],
        ["SHA-256 of the data", _hash(str(results.data["sha256"]))],
        ["Source of the data", str(results.data["source"])],
        ["Software", known["versions"]],
        ["Hardware of the training", known["hardware"]],
    ]
    return pipe(["What", "Which"], rows, "ll")


def _hash(digest: str) -> str:
    """A digest in groups of sixteen, so that it breaks across lines in print."""
    groups = [digest[i : i + 16] for i in range(0, len(digest), 16)]
    return " ".join(f"`{group}`" for group in groups)
