"""Measures of representations against scikit-learn and by hand; projections."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.tables.bootstrap import face_weights
from emorec.tables.read import PROBABILITIES, Embeddings
from emorec.tables.representation import (
    measure,
    neighbour_purity,
    project,
    projections_table,
    purity_difference,
    representation_table,
    standardise,
)


def _clouds(faces: int = 210, apart: float = 3.0, state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(state)
    labels = np.arange(faces) % 7
    return (rng.normal(size=(7, 12)) * apart)[labels] + rng.normal(size=(faces, 12)), labels


def _nearest(embeddings: np.ndarray) -> np.ndarray:
    return measure(embeddings, np.arange(len(embeddings)) % 7)[1]


def test_neighbours_are_the_ten_nearest_others_in_the_standardised_space() -> None:
    embeddings, labels = _clouds(apart=0.7)
    x = standardise(embeddings)
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    expected = np.argsort(distance, axis=1)[:, :10]
    values, found = measure(embeddings, labels)
    assert np.array_equal(np.sort(found, axis=1), np.sort(expected, axis=1))
    # A view would hold the indices of all pairs in memory, for every model and seed.
    assert found.base is None or found.base.size == found.size
    purity = (labels[expected] == labels[:, None]).mean()
    assert neighbour_purity(found, labels) == values["knn_purity"] == pytest.approx(purity)


def test_purity_difference_is_that_of_the_purities_and_its_draws_are_about_it() -> None:
    embeddings, labels = _clouds(apart=0.7)
    graphs = [_nearest(x) for x in (embeddings, embeddings[:, :6])]
    weights = face_weights(len(labels), 1000)
    values, draws = purity_difference(graphs[:1], graphs[1:], labels, weights)
    assert values[0] == pytest.approx(neighbour_purity(graphs[0], labels) - neighbour_purity(graphs[1], labels))
    assert draws.shape == (1000, 1)
    assert draws.mean() == pytest.approx(values[0], abs=0.2 * draws.std())
    same, none = purity_difference(graphs[:1], graphs[:1], labels, weights)
    assert same[0] == 0 and not none.any()


def test_purity_interval_has_the_width_of_chance() -> None:
    """The draws' standard deviation is that of the difference over fresh faces, within a fifth."""
    rng = np.random.default_rng(3)
    weights = face_weights(200, 200)
    found, spread = [], []
    for _ in range(150):
        labels = rng.integers(0, 7, 200)
        truth = 1.5 * np.eye(7)[labels] + rng.normal(size=(200, 7))
        graphs = [_nearest(truth + rng.normal(size=(200, 7))) for _ in range(2)]
        values, draws = purity_difference(graphs[:1], graphs[1:], labels, weights)
        found.append(values[0])
        spread.append(draws.std())
    assert np.mean(spread) == pytest.approx(np.std(found), rel=0.2)


def test_silhouette_is_rousseeuw_s() -> None:
    embeddings, labels = _clouds(faces=42, apart=0.7)
    x = standardise(embeddings)
    distance = np.linalg.norm(x[:, None] - x[None], axis=2)
    others = ~np.eye(len(x), dtype=bool)
    expected = []
    for i, label in enumerate(labels):
        a = distance[i, (labels == label) & others[i]].mean()
        b = min(distance[i, labels == other].mean() for other in set(labels) - {label})
        expected.append((b - a) / max(a, b))
    assert measure(embeddings, labels)[0]["silhouette"] == pytest.approx(np.mean(expected), abs=1e-4)
    for labels in (np.zeros(42, int), np.arange(42)):  # one emotion, or each once
        assert np.isnan(measure(embeddings, labels)[0]["silhouette"])


def test_separation_raises_every_measure() -> None:
    near, far = (measure(*_clouds(apart=apart))[0] for apart in (0.3, 3.0))
    assert set(near) == {"knn_purity", "silhouette"}
    assert all(far[name] > near[name] for name in near)
    assert far["knn_purity"] == 1


def test_scale_and_dead_units_change_nothing() -> None:
    embeddings, labels = _clouds(apart=0.7)
    scaled = np.concatenate([embeddings * np.geomspace(0.1, 10, 12), np.full((len(labels), 3), 2.0)], axis=1)
    before, after = measure(embeddings, labels)[0], measure(scaled, labels)[0]
    for name, value in before.items():
        assert after[name] == pytest.approx(value, rel=1e-3)
    with pytest.raises(EmorecError, match="all faces have the same"):
        standardise(np.ones((5, 3)))


def test_projections_find_the_clouds_and_come_out_the_same_again() -> None:
    embeddings, labels = _clouds()
    planes = project(embeddings)
    expected = PCA(2, svd_solver="full").fit_transform(standardise(embeddings))
    np.testing.assert_allclose(planes["pca"], expected, atol=1e-3)
    assert measure(planes["tsne"], labels)[0]["knn_purity"] > 0.95
    assert np.array_equal(project(embeddings)["tsne"], planes["tsne"])


def test_tables_have_one_sample_for_all_models() -> None:
    embeddings, labels = _clouds()
    row = np.arange(1000, 1000 + len(labels))
    runs = {(m, s): Embeddings(embeddings + s, row, labels) for m in ("a", "b") for s in (3, 2)}
    p = np.eye(7)[(labels + 1) % 7]
    predictions = pd.concat(
        pd.DataFrame(p, columns=PROBABILITIES).assign(model=m, seed=s, split="test", row=row, label=labels)
        for m, s in runs
    )
    pictured = {key: own for key, own in runs.items() if key[1] == 2}
    table = projections_table(pictured, predictions, sample=50)
    assert list(table) == ["model", "method", "row", "label", "predicted", "x", "y"]
    assert len(table) == 2 * 2 * 50
    assert table.groupby(["model", "method"])["row"].apply(tuple).nunique() == 1
    following = {e: EMOTIONS[(c + 1) % 7] for c, e in enumerate(EMOTIONS)}
    assert (table["label"].map(following) == table["predicted"]).all()
    assert np.array_equal(np.array(EMOTIONS)[labels[table["row"] - 1000]], table["label"])

    measured = representation_table({key: measure(own.embeddings, own.label)[0] for key, own in runs.items()})
    assert list(measured) == ["model", "seed", "measure", "value"] and len(measured) == 4 * 2

    with pytest.raises(EmorecError, match="lack predictions"):
        projections_table(pictured, predictions[predictions["row"] > 1003], sample=50)
