"""From a published study back to a study's folder, in which the workflow then makes tables, figures and the report."""

import gzip
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from emorec import config as configs
from emorec.config import Study
from emorec.errors import EmorecError
from emorec.files import atomic, write_csv, write_json, write_text
from emorec.inputs import check_files
from emorec.paths import Layout
from emorec.published import manifest
from emorec.published.manifest import ORIGIN, RESTORE, TIMES, Manifest, shortened

# Where the data lie is another matter on every machine.
PLACES = ("data.path", "data.ferplus")


def check(folder: Path, study: Study) -> tuple[Manifest, Study]:
    """The manifest and the config of a published study that is whole and of this config.

    Raises EmorecError where the config is another than `study`, or a file that this version needs was not published.
    """
    found = manifest.verify(folder)
    published = configs.load(folder / "config.yaml")
    changed = differing(published, study)
    if changed:
        raise EmorecError(
            f"{folder}: published with another {shortened(changed)} than the given config has; take that with "
            f"--configfile {folder}/config.yaml, or run the study and publish it again"
        )
    wanted = manifest.published_names(published, votes="data/votes.npz" in found.files)
    missing = [name for name in wanted if name not in found.files]
    if missing:
        raise EmorecError(
            f"{folder}: has no {shortened(missing)}, which this version of the program needs; publish the study again, "
            "or use the version that published it"
        )
    return found, published


def differing(one: Study, other: Study) -> list[str]:
    """Dotted keys whose values differ, but for PLACES; a key with a mapping on both sides stands for those below."""

    def below(one: Mapping[str, Any], other: Mapping[str, Any], above: str = "") -> Iterator[str]:
        for key in dict.fromkeys([*one, *other]):
            name, a, b = f"{above}{key}", one.get(key), other.get(key)
            if isinstance(a, dict) and isinstance(b, dict):
                yield from below(a, b, f"{name}.")
            elif a != b and name not in PLACES:
                yield name

    return list(below(one.model_dump(mode="json"), other.model_dump(mode="json")))


def unpack(folder: Path, destination: Path) -> None:
    """Copy what a rebuild starts from to the study's folder `destination`, tables decompressed, and the manifest.

    Raises EmorecError, and writes nothing, where the published study is not whole or a file is not what its name says.
    """
    # Here alone: the workflow reads this module whenever it is parsed.
    from emorec.predictions.store import read_predictions
    from emorec.published.packed import read_networks, read_times

    found = manifest.verify(folder)
    check_files((folder / name for name in found.files), RESTORE)
    study = configs.load(folder / "config.yaml")
    networks = read_networks(folder, configs.all_parts(study), RESTORE)
    times = read_times(folder / TIMES, RESTORE)
    with ExitStack() as stack:  # names appear when all files are there
        for name, target in {manifest.MANIFEST: ORIGIN, **manifest.rebuilt_from(found.files)}.items():
            source, temporary = folder / name, stack.enter_context(atomic(destination / target))
            if name == "predictions.parquet":  # which checks them
                read_predictions(source, study.replicates)
            if name.endswith(".gz"):
                with gzip.open(source) as packed, temporary.open("wb") as file:
                    shutil.copyfileobj(packed, file)
            else:
                shutil.copyfile(source, temporary)
        for part, (record, history) in networks.items():
            own = Layout(destination).network(part.network, part.seed)
            write_json(own / "network.json", record)
            write_csv(own / "history.csv", history)
        for name, text in times.items():
            write_text(destination / name, text)


def origin(study: Path) -> Manifest | None:
    """The manifest of what a study's folder was rebuilt from; None for a run."""
    return manifest.read(study / ORIGIN) if (study / ORIGIN).exists() else None
