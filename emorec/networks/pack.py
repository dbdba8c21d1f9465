"""Networks from the machine that trained them to the one that combines the study: a few archives of limited size.

Weights stay behind: a study needs of a network its record, its history, and what it gave for the faces of val and test.
"""

import hashlib
import io
import logging
import re
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emorec import SPLITS, npz
from emorec import config as configs
from emorec.config import Part, Study
from emorec.data.faces import load_faces
from emorec.errors import EmorecError
from emorec.files import atomic, write_json
from emorec.inputs import read_json
from emorec.networks.outputs import load_outputs, save_outputs
from emorec.networks.pretrained import GATHERED, refuse_another
from emorec.paths import Layout

FILES, LARGEST = 8, 16_000_000  # as much as comes back from a machine that is lent; bytes
TEXTS = ("network.json", "history.csv")
AGAIN = "pack the networks again"
_MEMBER = re.compile(r"([a-z0-9-]+)/seed(\d+)/(network\.json|history\.csv|outputs\.npz|features\.npz)")

log = logging.getLogger(__name__)


def pack(study: Study, layout: Layout, destination: Path, files: int = FILES, largest: int = LARGEST) -> None:
    """Write all networks of the study that are trained into at most `files` archives of at most `largest` bytes.

    Their features, which are many times as large as all else, come along in the order of training, while there is room.

    Raises:
        EmorecError: The study has no network yet, or they need more room even without features.
    """
    folders = {part: layout.network(part.network, part.seed) for part in configs.training_order(study)}
    trained = {part: folder for part, folder in folders.items() if (folder / "outputs.npz").exists()}
    if not trained:
        raise EmorecError(f"{layout.root}: no network is trained yet; run `emorec networks` first")
    archives: list[dict[str, bytes]] = [{} for _ in range(files)]

    def place(part: Part, name: str, content: bytes) -> bool:
        """Put a file into the first archive that has room for it, if one has."""
        for archive in archives:
            if sum(len(own) + 300 for own in archive.values()) + len(content) + 300 <= largest:  # what zip adds
                archive[f"{part.network}/seed{part.seed}/{name}"] = content
                return True
        return False

    features = {}
    for part, folder in trained.items():
        arrays = load_outputs(folder / "outputs.npz")
        if "features" in arrays:
            features[part] = arrays.pop("features")
        contents = {name: (folder / name).read_bytes() for name in TEXTS} | {"outputs.npz": _bytes(**arrays)}
        if not all(place(part, name, content) for name, content in contents.items()):
            raise EmorecError(f"{destination}: {len(trained)} networks need more than {files} files of {largest} bytes")
    with_features = [part for part, own in features.items() if place(part, "features.npz", _bytes(features=own))]
    for number, archive in enumerate(filter(None, archives), start=1):
        with atomic(destination / f"networks-{number}.zip") as temporary, zipfile.ZipFile(temporary, "w") as file:
            for name, content in archive.items():
                file.writestr(zipfile.ZipInfo(name), content)  # without a date: the same networks are the same bytes
    log.info("%s: %d of %d networks, %d with features", destination, len(trained), len(folders), len(with_features))


def merge(study: Study, layout: Layout, sources: Sequence[Path]) -> None:
    """Put the networks of packs into the study's folder; their records name the pack that each came in.

    What is there already is left alone.

    Raises:
        EmorecError: A pack is damaged, of another config or of other faces, or another network is in a place of its.
    """
    faces, specs = load_faces(layout.faces), configs.networks(study)
    held = faces.split != SPLITS.index("train")
    named = {"row": faces.row[held], "label": faces.labels[held], "split": faces.split[held]}
    layout.root.joinpath("networks").mkdir(exist_ok=True)
    for source in sources:
        packed, digest = _read(study, source)
        with tempfile.TemporaryDirectory(prefix=".merge.", dir=layout.root) as place:
            for part, files in packed.items():
                made, target = (of.network(part.network, part.seed) for of in (Layout(Path(place)), layout))
                made.mkdir(parents=True)
                for name, content in files.items():
                    (made / name).write_bytes(content)
                refuse_another(made, specs[part.network], f"leave out {source}")
                arrays = load_outputs(made / "outputs.npz")
                if not all(np.array_equal(arrays[name], own) for name, own in named.items()):
                    raise EmorecError(f"{source}: the faces are not those of {layout.faces}; {AGAIN}")
                if "features.npz" in files:
                    save_outputs(made / "outputs.npz", arrays | npz.read(made / "features.npz", ["features"]))
                    (made / "features.npz").unlink()
                record = read_json(made / "network.json")
                write_json(made / "network.json", record | {GATHERED: digest})
                if not target.exists():
                    target.parent.mkdir(exist_ok=True)
                    made.rename(target)
                elif {**read_json(target / "network.json"), GATHERED: ""} != {**record, GATHERED: ""}:
                    raise EmorecError(f"{target}: another network than in {source}; delete it, or leave out {source}")
        log.info("%s: %d networks", source, len(packed))


def _read(study: Study, source: Path) -> tuple[dict[Part, dict[str, bytes]], str]:
    """The files of each packed network, and a digest of the pack."""
    found: dict[Part, dict[str, bytes]] = {}
    digest, known = hashlib.sha256(), set(configs.all_parts(study))
    try:
        for path in sorted(source.glob("networks-*.zip")):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if not (member := _MEMBER.fullmatch(name)):
                        raise EmorecError(f"{path}: damaged, or no pack; {AGAIN}")
                    part = Part(member[1], int(member[2]))
                    if part not in known:
                        raise EmorecError(f"{path}: {part.network} is no network of the study {study.study}")
                    content = archive.read(name)
                    found.setdefault(part, {})[member[3]] = content
                    digest.update(content)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise EmorecError(f"{path}: damaged ({error}); {AGAIN}") from None
    if not found or not all({*TEXTS, "outputs.npz"} <= files.keys() for files in found.values()):
        raise EmorecError(f"{source}: no pack, or a part of one; {AGAIN}")
    return found, digest.hexdigest()[:12]


def _bytes(**arrays: np.ndarray) -> bytes:
    """An archive of arrays."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]  # no array is named allow_pickle
    return file.getvalue()
