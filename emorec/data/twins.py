"""Twins: photographs that are in a data set twice, cropped, scaled, compressed or marked a little differently.

Two steps. Thumbnails of 12×12 pixels, normalised for brightness and contrast, name each face's few nearest others, as
they are and mirrored: a matrix product, in blocks. Then every such pair is compared at full size by the correlation of
their textures (what is left after the local mean is taken away and the local contrast evened out), at the best shift
within SHIFT pixels. Thumbnails alone confuse faces that are lit and turned alike with twins; textures do not, since
skin, hair and noise agree to the pixel in copies of one photograph only.

The threshold is FER2013's own: over test faces and their nearest training faces the similarity has two humps with a
valley at 0.65 to 0.75. Looked at by eye, hardly a pair above 0.70 is not a twin, pairs from 0.60 to 0.66 are of both
kinds, and below 0.60 hardly any is one. Faces that differ much in scale are missed, so that counts are lower bounds.
"""

import logging
from dataclasses import dataclass

import numpy as np
from scipy.fft import rfft2
from scipy.ndimage import uniform_filter

from emorec import SIDE, SPLITS
from emorec.data.faces import digests, load_faces
from emorec.data.stored import save
from emorec.paths import Layout

log = logging.getLogger(__name__)

TWIN = 0.70  # similarity from which on two faces count as twins
THUMBNAIL = 12  # pixels, both ways
ALIKE = 0.60  # thumbnails less alike than this are never twins in FER2013
NEAREST = 12  # of those more alike, so many are looked at
NEIGHBOURHOOD = 7  # pixels; of the local mean and contrast
SHIFT = 6  # pixels, either way
FLAT = 2.0  # grey levels; contrast below is taken for noise

# Of each a block at a time. At FER2013's size all takes some 700 MB, half of it the spectra of the training faces.
_QUERIES, _PAIRS = 512, 1024

# The inverse Fourier transform at the wanted shifts alone: as matrices it takes a fifth of the whole one's time.
_SHIFTS = np.arange(-SHIFT, SHIFT + 1)
_HALF = np.arange(SIDE // 2 + 1)  # of a real picture's spectrum; all but the outer two stand for their mirror image too
_TWICE = np.where((_HALF == 0) | (_HALF == SIDE // 2), 1, 2)[:, None]
_ROWS = np.exp(2j * np.pi / SIDE * np.outer(_SHIFTS, np.arange(SIDE))).astype(np.complex64)
_COLUMNS = (_TWICE * np.exp(2j * np.pi / SIDE * np.outer(_HALF, _SHIFTS)) / SIDE**2).astype(np.complex64)


@dataclass(frozen=True, eq=False)
class Twins:
    """The most similar of the references for each of q queries."""

    nearest: np.ndarray  # (q,) index of the reference in the images, -1 where no thumbnail is alike
    similarity: np.ndarray  # (q,) float32, 1 for the same picture, 0 where there is no nearest
    mirrored: np.ndarray  # (q,) bool, whether the reference is the query's mirror image
    exact: np.ndarray  # (q,) bool, whether the reference is equal to the last pixel

    @property
    def found(self) -> np.ndarray:
        """Which queries have a twin: (q,) bool."""
        return self.exact | (self.similarity >= TWIN)


def stage(layout: Layout) -> None:
    """Write which faces of a study leak by a twin: data/twins.npz."""
    faces = load_faces(layout.faces)
    found = leaking(faces.images, faces.split)
    save(layout.twins, row=faces.row, twin=found)
    log.info("%d of %d faces have a twin in a later split", found.sum(), len(faces))


def find_twins(images: np.ndarray, queries: np.ndarray, references: np.ndarray, nearest: int = NEAREST) -> Twins:
    """The nearest reference (r,) of every query (q,), never the query itself; both are indices into `images`.

    `nearest` thumbnails are followed up, as they are and mirrored each.
    """
    pairs, mirrored = _candidates(images, queries, references, nearest)
    known = _spectra(images[references])
    similarity = np.empty(len(pairs), np.float32)
    order = np.argsort(pairs[:, 0], kind="stable")  # a query's pairs together: its own spectrum is made once a block
    for start in range(0, len(order), _PAIRS):
        block = order[start : start + _PAIRS]
        own, place = np.unique(pairs[block, 0], return_inverse=True)
        pictures = images[queries[own]]
        mine = np.stack([_spectra(pictures), _spectra(pictures[:, :, ::-1])])
        similarity[block] = _similarity(mine[mirrored[block].astype(int), place], known[pairs[block, 1]])
    found, best = np.full(len(queries), -1), np.zeros(len(queries), np.float32)
    turned = np.zeros(len(queries), bool)
    order = np.argsort(similarity, kind="stable")  # the best of a query is written last
    which = pairs[order, 0]
    found[which], best[which], turned[which] = references[pairs[order, 1]], similarity[order], mirrored[order]
    copies = _copies(images, queries, references)
    exact = copies >= 0
    return Twins(np.where(exact, copies, found), np.where(exact, np.float32(1), best), turned & ~exact, exact)


def leaking(images: np.ndarray, split: np.ndarray) -> np.ndarray:
    """Which faces of `train` have a twin in `val` or `test`, and which of `val` have one in `test`: (n,) bool.

    They are looked for from both sides, since each follows up its own nearest few.
    """
    train, val, test = (np.flatnonzero(split == SPLITS.index(name)) for name in ("train", "val", "test"))
    found = np.zeros(len(images), bool)
    for own, others in ((train, np.concatenate([val, test])), (val, test)):
        found[own[find_twins(images, own, others).found]] = True
        back = find_twins(images, others, own)
        found[back.nearest[back.found]] = True
    return found


def thumbnails(images: np.ndarray) -> np.ndarray:
    """(n, 48, 48) to (n, 144) float32 of zero mean and unit length; zero for a picture of one grey."""
    step = SIDE // THUMBNAIL
    small = images.reshape(-1, THUMBNAIL, step, THUMBNAIL, step).mean(axis=(2, 4), dtype=np.float32)
    return _unit(small.reshape(len(images), -1))


def textures(images: np.ndarray) -> np.ndarray:
    """(n, 48, 48) to float32 without local mean and contrast, faded at the edges, of zero mean and unit length."""
    x = images.astype(np.float32)
    window = (0, NEIGHBOURHOOD, NEIGHBOURHOOD)
    x -= uniform_filter(x, window)
    x /= np.sqrt(np.maximum(uniform_filter(x * x, window), 0)) + FLAT
    # What a shift brings in from the other side must not count.
    fade = np.sqrt(np.hanning(SIDE + 2)[1:-1]).astype(np.float32)
    x *= fade[:, None] * fade
    return _unit(x.reshape(len(x), -1)).reshape(images.shape)


def _spectra(images: np.ndarray) -> np.ndarray:
    """Fourier transforms of `textures`, in blocks: (n, 48, 25) complex64."""
    spectra = np.empty((len(images), SIDE, SIDE // 2 + 1), np.complex64)
    for start in range(0, len(images), _PAIRS):
        spectra[start : start + _PAIRS] = rfft2(textures(images[start : start + _PAIRS]))
    return spectra


def _similarity(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlation of textures, pair by pair, at the best of all shifts up to SHIFT pixels, from `_spectra`: (n,)."""
    correlation = (_ROWS @ (np.conj(first) * second) @ _COLUMNS).real
    return correlation.reshape(len(first), -1).max(axis=1, initial=0)


def _candidates(
    images: np.ndarray, queries: np.ndarray, references: np.ndarray, nearest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs worth a close look: places in `queries` and in `references` (p, 2), and which queries to mirror (p,)."""
    known = thumbnails(images[references])
    pairs, mirrored = [np.empty((0, 2), int)], [np.empty(0, bool)]
    count = min(nearest, len(references))
    for start in range(0, len(queries), _QUERIES):
        block = queries[start : start + _QUERIES]
        places = np.arange(start, start + len(block))
        same = block[:, None] == references
        for mirror in (False, True):
            pictures = images[block][:, :, ::-1] if mirror else images[block]
            alike = thumbnails(pictures) @ known.T
            alike[same] = -1
            closest = np.argpartition(-alike, count - 1, axis=1)[:, :count]
            place, column = np.nonzero(np.take_along_axis(alike, closest, axis=1) >= ALIKE)
            pairs.append(np.stack([places[place], closest[place, column]], axis=1))
            mirrored.append(np.full(place.size, mirror))
    return np.concatenate(pairs), np.concatenate(mirrored)


def _copies(images: np.ndarray, queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    """For each query the first reference, other than itself, that is equal to the last pixel, or -1: (q,)."""
    places: dict[bytes, list[int]] = {}
    for index, digest in zip(references.tolist(), digests(images[references]), strict=True):
        places.setdefault(digest, []).append(index)
    wanted = zip(queries.tolist(), digests(images[queries]), strict=True)
    return np.array([next((i for i in places.get(digest, ()) if i != query), -1) for query, digest in wanted], int)


def _unit(x: np.ndarray) -> np.ndarray:
    """Rows of zero mean and unit length; a row without variance becomes zero."""
    x = x - x.mean(axis=1, keepdims=True)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
