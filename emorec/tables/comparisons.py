"""Tables of models against each other on the test split, paired by face and by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.tables.bootstrap import RESAMPLES, Estimate, estimate, face_weights, holm, mcnemar
from emorec.tables.controls import opponents, other_singles
from emorec.tables.metrics import CLASSES, accuracy, confusion_counts, macro_f1
from emorec.tables.pairs import PAIRS, hard_confusion, mutual_confusion
from emorec.tables.read import Model, Replicates, by_model

# What is asked of a mixture against a network or networks that do not specialise.
STATISTICS = {"accuracy": accuracy, "macro_f1": macro_f1, "confusion": hard_confusion}
COLUMNS = ["model", "reference", "metric", "difference", "low", "high", "p", "p_holm", "mcnemar_p_max", "seeds"]
PAIR_COLUMNS = [
    "model",
    "reference",
    "first",
    "second",
    "reference_rate",
    "rate",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
]
OTHER_SINGLES_COLUMNS = ["model", "reference", "metric", "difference", "low", "high", "p", "p_holm", "seeds"]
ORACLE_COLUMNS = ["model", "mixture", "accuracy", "low", "high", "gap", "gap_low", "gap_high", "seeds"]
FLOW_COLUMNS = ["model", "reference", "first", "second", "confused", "to_right", "to_other", "other"]
FLOW_COLUMNS += ["from_right", "from_other", "still"]


class Resampled:
    """Confusion counts of every model on the test split, on all faces and on resamples of them.

    All models see the same resamples, which is what pairs their differences.
    """

    def __init__(self, predictions: pd.DataFrame, resamples: int = RESAMPLES) -> None:
        self.runs = by_model(predictions, "test")
        if not self.runs:
            raise EmorecError("predictions: no faces of the test split; run the predictions stage again")
        first = next(iter(self.runs.values()))
        self.row, self.labels = first.row, first.labels
        self.weights = face_weights(first.labels.size, resamples)
        self._counts: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def counts(self, model: str) -> tuple[np.ndarray, np.ndarray]:
        """Counts of each seed on all faces (S, 7, 7) and on B resamples (B, S, 7, 7)."""
        if model not in self._counts:
            predicted = self.of(model).predicted
            points = np.stack([confusion_counts(self.labels, seed)[0] for seed in predicted])
            # A matrix product at a time: one for all seeds would hold B x N x S counts of which most are zero.
            draws = np.empty((len(self.weights), *points.shape), np.float32)
            for s, seed in enumerate(predicted):
                draws[:, s] = confusion_counts(self.labels, seed, self.weights)
            self._counts[model] = points, draws
        return self._counts[model]

    def of(self, model: str) -> Replicates:
        """The model's runs; EmorecError where there are none."""
        if model not in self.runs:
            raise EmorecError(f"model {model}: no predictions on the test split; run the predictions stage again")
        return self.runs[model]

    def shared_seeds(self, model: str, reference: str) -> tuple[list[int], list[int]]:
        """Positions of the seeds that both models have; EmorecError where they have none in common."""
        a, b = self.of(model).seeds, self.of(reference).seeds
        common = [seed for seed in a if seed in b]
        if not common:
            raise EmorecError(f"models {model} and {reference}: no seed in common; train both on the same seeds")
        return [a.index(seed) for seed in common], [b.index(seed) for seed in common]

    def estimate(
        self, model: str, statistic: Callable[[np.ndarray], np.ndarray], bounds: tuple[float, float] = (0, 1)
    ) -> Estimate:
        """Estimate `statistic` (of counts (..., 7, 7), one value a matrix) of a model by itself."""
        points, draws = self.counts(model)
        return estimate(statistic(points), statistic(draws), bounds=bounds)

    def difference(
        self, model: str, reference: str, statistic: Callable[[np.ndarray], np.ndarray], null: float = 0.0
    ) -> list[Estimate]:
        """Estimate `statistic` (of counts (..., 7, 7)) of the model less that of the reference, each part by itself.

        A statistic with one value a matrix gives a list of one; mutual confusion gives one of 21.
        """
        mine, theirs = self.shared_seeds(model, reference)
        (a, a_draws), (b, b_draws) = self.counts(model), self.counts(reference)
        values = statistic(a[mine]) - statistic(b[theirs])
        draws = statistic(a_draws[:, mine]) - statistic(b_draws[:, theirs])
        values, draws = values.reshape(len(mine), -1), draws.reshape(len(draws), len(mine), -1)
        return [estimate(values[:, k], draws[:, :, k], null, bounds=(-1, 1)) for k in range(values.shape[1])]


def comparisons_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """comparisons.csv: difference of accuracy and of macro-F1, with interval, p-values and McNemar's test.

    Holm's family is all comparisons of one metric. McNemar is exact and by seed; the largest p-value is given, 1 where
    seeds differ in which model is ahead. It takes no part in any verdict.
    """
    rows = []
    for model, reference in opponents(models):
        for metric, statistic in (("accuracy", accuracy), ("macro_f1", macro_f1)):
            (found,) = resampled.difference(model.name, reference.name, statistic)
            worst = _largest_mcnemar(resampled, model.name, reference.name) if metric == "accuracy" else np.nan
            rows.append(
                {
                    "model": model.name,
                    "reference": reference.name,
                    "metric": metric,
                    "difference": found.value,
                    "low": found.low,
                    "high": found.high,
                    "p": found.p,
                    "mcnemar_p_max": worst,
                    "seeds": found.seeds,
                }
            )
    table = pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "p_holm"])
    table["p_holm"] = table["p"]
    if len(table):
        table["p_holm"] = table.groupby("metric")["p"].transform(holm)  # type: ignore[arg-type]  # takes arrays, too
    return table[COLUMNS]


def pair_comparisons_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """pair_comparisons.csv: difference of each pair's mutual confusion rate (negative: fewer confusions).

    Holm's family is the 21 pairs of one model against one reference: which pairs changed is one question. Rates are
    means over the seeds that both models have.
    """
    tables = []
    for model, reference in opponents(models):
        found = resampled.difference(model.name, reference.name, mutual_confusion)
        mine, theirs = resampled.shared_seeds(model.name, reference.name)
        table = pd.DataFrame(
            {
                "model": model.name,
                "reference": reference.name,
                "first": [first for first, _ in PAIRS],
                "second": [second for _, second in PAIRS],
                "reference_rate": mutual_confusion(resampled.counts(reference.name)[0][theirs]).mean(axis=0),
                "rate": mutual_confusion(resampled.counts(model.name)[0][mine]).mean(axis=0),
                "difference": [pair.value for pair in found],
                "low": [pair.low for pair in found],
                "high": [pair.high for pair in found],
                "p": [pair.p for pair in found],
            }
        )
        tables.append(table.assign(p_holm=holm(table["p"].to_numpy())))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=PAIR_COLUMNS)


def other_singles_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """other_singles.csv: every mixture but oracles against every single but the first, in accuracy, macro-F1 and the
    confusion of the hard pairs (negative: fewer).

    What a mixture gains over the plain single may come with its parameters, its steps, or because its experts meet rare
    emotions more often; a single network that has the same asks which. Holm's family is all mixtures against one
    single in one metric.
    """
    rows = []
    mixtures = [model for model in models if model.kind == "mixture"]
    for single in other_singles(models):
        for metric, statistic in STATISTICS.items():
            found = [resampled.difference(model.name, single.name, statistic)[0] for model in mixtures]
            adjusted = holm(np.array([one.p for one in found]))
            rows += [
                [model.name, single.name, metric, one.value, one.low, one.high, one.p, p_holm, one.seeds]
                for model, one, p_holm in zip(mixtures, found, adjusted, strict=True)
            ]
    return pd.DataFrame(rows, columns=OTHER_SINGLES_COLUMNS)


def oracle_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """oracle.csv: what the mixtures could reach if their gates knew the label: accuracy, and the `gap` to the mixture.

    A bound, not a model: it stands in no comparison, no claim and no family of tests. `mixture` is the one that it
    bounds, empty (and the gap with it) where the study has none of the same experts.
    """
    rows = []
    for model in models:
        if model.kind != "oracle":
            continue
        own = resampled.estimate(model.name, accuracy)
        row = {"model": model.name, "mixture": model.of, "accuracy": own.value, "low": own.low, "high": own.high}
        if model.of:
            (gap,) = resampled.difference(model.name, model.of, accuracy)
            row |= {"gap": gap.value, "gap_low": gap.low, "gap_high": gap.high}
        rows.append(row | {"seeds": own.seeds})
    return pd.DataFrame(rows, columns=ORACLE_COLUMNS)


def error_flow_table(resampled: Resampled, models: Sequence[Model]) -> pd.DataFrame:
    """error_flow.csv: where the confusions of each pair went, and where the model's own come from.

    Of the test faces of either emotion that the reference takes for the other (`confused`, mean over seeds): how many
    the model gets right (`to_right`), how many it takes for a third emotion (`to_other`), and which most of these
    (`other`). Of those that the model takes for the other and the reference does not: how many the reference got right
    (`from_right`), how many it took for a third (`from_other`). The rest it confuses as the reference does, so that
    confused - to_right - to_other + from_right + from_other are the faces that the model confuses (`still`).
    """
    rows = []
    for model, reference in opponents(models):
        mine, theirs = resampled.shared_seeds(model.name, reference.name)
        flow = np.zeros((CLASSES, CLASSES, CLASSES))  # by label, reference's answer, model's answer
        before, after = resampled.of(reference.name).predicted[theirs], resampled.of(model.name).predicted[mine]
        np.add.at(flow, (np.broadcast_to(resampled.labels, before.shape), before, after), 1 / len(mine))
        for first, second in PAIRS:
            i, j = EMOTIONS.index(first), EMOTIONS.index(second)
            third = [k for k in range(CLASSES) if k not in (i, j)]
            others = flow[i, j, third] + flow[j, i, third]
            rows.append(
                {
                    "model": model.name,
                    "reference": reference.name,
                    "first": first,
                    "second": second,
                    "confused": flow[i, j].sum() + flow[j, i].sum(),
                    "to_right": flow[i, j, i] + flow[j, i, j],
                    "to_other": others.sum(),
                    "other": EMOTIONS[third[int(others.argmax())]] if others.any() else "",
                    "from_right": flow[i, i, j] + flow[j, j, i],
                    "from_other": flow[i, third, j].sum() + flow[j, third, i].sum(),
                    "still": flow[i, :, j].sum() + flow[j, :, i].sum(),
                }
            )
    return pd.DataFrame(rows, columns=FLOW_COLUMNS)


def _largest_mcnemar(resampled: Resampled, model: str, reference: str) -> float:
    """The largest p-value over the seeds; 1 where seeds differ in which model is ahead."""
    a, b = resampled.of(model), resampled.of(reference)
    mine, theirs = resampled.shared_seeds(model, reference)
    pairs = [(a.predicted[s] == a.labels, b.predicted[t] == b.labels) for s, t in zip(mine, theirs, strict=True)]
    signs = {np.sign(int(own.sum()) - int(other.sum())) for own, other in pairs}
    return max(mcnemar(*pair) for pair in pairs) if len(signs) == 1 else 1.0
