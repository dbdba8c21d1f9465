"""What the penultimate representation looks like: numbers in the original space, and PCA and t-SNE pictures of it.

A t-SNE picture proves nothing by itself (Wattenberg et al. 2016, doi 10.23915/distill.00002); the measures are what a
claim may rest on. Dimensions are first scaled to unit variance, so that a mixture's networks count alike.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from emorec import EMOTIONS
from emorec.errors import EmorecError
from emorec.tables.bootstrap import STATE, face_weights
from emorec.tables.controls import opponents
from emorec.tables.read import Embeddings, Model, by_model
from emorec.tables.resampled import Drawn

NEIGHBOURS = 10


def standardise(embeddings: np.ndarray) -> np.ndarray:
    """Centre (N, D) and scale each dimension to unit variance: (N, D') float32, without the constant dimensions."""
    x = embeddings.astype(np.float32)
    x -= x.mean(axis=0)
    deviation = x.std(axis=0)
    # A unit that hardly ever fires carries rounding, not meaning; unit variance would blow that up.
    alive = deviation > 1e-3 * max(float(deviation.max(initial=0.0)), 1e-12)
    if not alive.any():
        raise EmorecError("embeddings: all faces have the same; check that the network was trained")
    return x[:, alive] / deviation[alive]


def neighbour_purity(nearest: np.ndarray, labels: np.ndarray) -> float:
    """Share of the nearest faces (N, K) that have the label (N,) of the face whose neighbours they are."""
    return float((labels[nearest] == labels[:, None]).mean())


def purity_difference(
    nearest: Sequence[np.ndarray], reference: Sequence[np.ndarray], labels: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Purity of a model less that of a reference, by seed (S,), and draws of it (B, S) for resamples `weights` (B, N).

    `nearest` and `reference` hold the nearest faces (N, K) of each seed. A face counts twice in a purity: by its own
    neighbours, and as a neighbour. Resampling faces with their neighbours held fixed forgets the second, and weighing
    each pair by both its faces counts the pair's own chance more than once. So the draws are linear in the faces'
    influence, both parts of it, and are shrunk to the variance that is robust to pairs which share a face (Aronow,
    Samii & Assenova 2015, arXiv 1312.3398).
    """
    values, draws, pairs = [], [], []
    for mine, theirs in zip(nearest, reference, strict=True):
        values.append(neighbour_purity(mine, labels) - neighbour_purity(theirs, labels))
        directed = _matches(mine, labels) - _matches(theirs, labels)
        pairs.append(directed + directed.T)
        influence = pairs[-1].sum(axis=1).astype(weights.dtype)
        draws.append(weights @ influence - influence.sum())
    total = sum(pairs[1:], pairs[0])
    by_face = float((np.asarray(total.sum(axis=1)) ** 2).sum())
    by_pair = float((total.data**2).sum()) / 2  # each pair stands on both sides of the diagonal
    robust = max(by_face - by_pair, by_pair)
    shrink = np.sqrt(robust / by_face) if by_face > 0 else 0.0
    return np.array(values), np.array(values) + shrink * np.stack(draws, axis=1)


def _matches(nearest: np.ndarray, labels: np.ndarray) -> csr_array:
    """What each (face, neighbour) adds to the purity beyond an average pair: sparse (N, N) that sums to 0."""
    faces, neighbours = nearest.shape
    same = (labels[nearest] == labels[:, None]).astype(np.float64)
    ends = np.arange(0, faces * neighbours + 1, neighbours)
    return csr_array(((same - same.mean()).ravel() / same.size, nearest.ravel(), ends), shape=(faces, faces))


def measure(embeddings: np.ndarray, labels: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
    """knn_purity and silhouette of embeddings (N, D), labels (N,); and the nearest other faces of each: (N, K)."""
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import NearestNeighbors

    x = standardise(embeddings)
    nearest = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(x) - 1)).fit(x).kneighbors(return_distance=False)
    separation = float(silhouette_score(x, labels)) if 2 <= len(set(labels)) < labels.size else float("nan")
    return {"knn_purity": neighbour_purity(nearest, labels), "silhouette": separation}, nearest


def representation_table(measured: Mapping[tuple[str, int], Mapping[str, float]]) -> pd.DataFrame:
    """representation.csv: each measure of every model and seed, over all test faces."""
    rows = [(*key, name, value) for key, own in measured.items() for name, value in own.items()]
    return pd.DataFrame(rows, columns=["model", "seed", "measure", "value"])


def purity_table(
    nearest: Mapping[tuple[str, int], np.ndarray], labels: np.ndarray, models: Sequence[Model], resamples: int
) -> pd.DataFrame:
    """purity.csv: the difference in neighbour purity of every comparison.

    `nearest` holds the nearest faces (N, K) of each model and seed, labels (N,) are those of the embedded faces.
    Left out are models that share no seed.
    """
    weights = face_weights(labels.size, resamples) if nearest else np.empty((resamples, 0))
    rows = []
    for model, reference in opponents(models):
        seeds = sorted({s for m, s in nearest if m == model.name} & {s for m, s in nearest if m == reference.name})
        if not seeds:
            continue
        mine, theirs = ([nearest[of.name, seed] for seed in seeds] for of in (model, reference))
        difference = Drawn(*purity_difference(mine, theirs, labels, weights))
        head = {"model": model.name, "reference": reference.name}
        rows.append(head | difference.estimate(-1, 1).columns("difference"))
    return pd.DataFrame(rows, columns=["model", "reference", "difference", "low", "high", "p", "seeds"])


def project(embeddings: np.ndarray) -> dict[str, np.ndarray]:
    """PCA and t-SNE (van der Maaten & Hinton 2008, on the first 50 components) to the plane: (N, 2) each.

    t-SNE starts from the PCA (Kobak & Berens 2019, doi 10.1038/s41467-019-13056-x). One thread: the order of additions
    would otherwise depend on the machine, and t-SNE magnifies that.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        x = standardise(embeddings)
        components = PCA(n_components=min(50, *x.shape), svd_solver="full").fit_transform(x)
        plane = np.zeros((len(x), 2), dtype=components.dtype)
        plane[:, : min(2, components.shape[1])] = components[:, :2]
        perplexity = min(30.0, (len(x) - 1) / 3)
        start = plane / plane[:, 0].std() * 1e-4
        tsne = TSNE(n_components=2, perplexity=perplexity, init=start, random_state=STATE)
        return {"pca": plane, "tsne": tsne.fit_transform(components)}


def projections_table(
    embeddings: Mapping[tuple[str, int], Embeddings], predictions: pd.DataFrame, sample: int
) -> pd.DataFrame:
    """projections.csv: PCA and t-SNE of each model, of one seed each, on one random sample of test faces for all.

    Raises EmorecError where predictions lack a face.
    """
    tables, names = [], np.array(EMOTIONS)
    runs = by_model(predictions, "test")
    for (model, seed), own in embeddings.items():
        order = pd.Index(runs[model].row).get_indexer(own.row)
        if (order < 0).any():
            raise EmorecError(f"model {model}, seed {seed}: embedded faces lack predictions; predict the model again")
        predicted = runs[model].predicted[runs[model].seeds.index(seed)]
        kept = np.sort(np.random.default_rng(STATE).choice(own.row.size, min(sample, own.row.size), replace=False))
        for method, plane in project(own.embeddings[kept]).items():
            x, y = plane.T.astype(np.float64).round(5)
            faces = {"row": own.row[kept], "label": names[own.label[kept]], "predicted": names[predicted[order[kept]]]}
            tables.append(pd.DataFrame({"model": model, "method": method, **faces, "x": x, "y": y}))
    columns = ["model", "method", "row", "label", "predicted", "x", "y"]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
