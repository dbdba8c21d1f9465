"""Networks carried to another machine: what is combined there is what would have been combined here."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from emorec import config
from emorec.networks import pack
from emorec.networks.outputs import load_outputs
from emorec.paths import Layout
from emorec.report import render
from tests import forked, small_study
from tests.checkout_copy import copy_checkout

STUDY = small_study.SETTINGS | {
    "study": "carried",
    "models": {
        "single": {"kind": "single"},
        "mixture": {"kind": "mixture", "of": "single", "grouping": "found"},
    },
}

call = small_study.commands_of("carried.yaml")
pytestmark = pytest.mark.usefixtures("own_handlers")


def start(folder: Path, **changes: object) -> Path:
    """A checkout with the study's faces, and nothing else of it."""
    copy_checkout(folder, "tests/mini.yaml")
    (folder / "carried.yaml").write_text(yaml.safe_dump(STUDY | changes))
    assert call(folder, "data") == 0
    return folder


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the networks were trained, and packed as `packed`."""
    folder = start(tmp_path_factory.mktemp("there") / "checkout")
    assert call(folder, "networks") == 0 and call(folder, "combine") == 0
    assert call(folder, "pack", str(folder / "packed")) == 0
    return folder


@pytest.fixture
def here(there: Path, tmp_path: Path) -> Path:
    """Another machine, with the study's faces."""
    return start(tmp_path / "checkout")


def layout(folder: Path) -> Layout:
    return Layout(folder / "results" / "carried")


def test_what_is_combined_elsewhere_is_the_same(there: Path, here: Path) -> None:
    assert call(here, "merge", str(there / "packed")) == 0
    assert not list(here.rglob("*.safetensors")) and not list(here.glob("results/carried/.merge*"))
    wanted = "results/carried/predictions.parquet"
    done = forked.snakemake(
        here, "--cores", "2", "--configfile", "carried.yaml", "--config", "from=outputs", "--", wanted
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert not re.search(r"(train|networks|outputs): ", done.stderr)
    assert layout(here).predictions.read_bytes() == layout(there).predictions.read_bytes()
    for model in STUDY["models"]:
        one, other = (layout(folder).embeddings(model, 1) for folder in (there, here))
        assert one.read_bytes() == other.read_bytes()
    # What came is there: nothing is trained.
    assert call(here, "networks") == 0
    assert not list(here.rglob("*.safetensors"))


def test_of_two_machines_each_brings_its_own(there: Path, here: Path, tmp_path: Path) -> None:
    for seed in ("0", "1"):
        half = tmp_path / f"half{seed}"
        shutil.copytree(there / "results", half / "results")
        shutil.copy(there / "carried.yaml", half)
        for folder in (half / "results" / "carried" / "networks").glob(f"*/seed{1 - int(seed)}"):
            shutil.rmtree(folder)
        assert call(half, "pack", str(half / "packed")) == 0
    sources = [str(tmp_path / f"half{seed}" / "packed") for seed in ("0", "1")]
    assert call(here, "merge", *sources) == 0
    assert call(here, "merge", *sources) == 0  # once more is no harm
    study = config.load(here / "carried.yaml")
    records = [
        json.loads((layout(here).network(part.network, part.seed) / "network.json").read_text())
        for part in config.all_parts(study)
    ]
    assert len({record["gathered"] for record in records}) == 2


def test_a_pack_is_as_large_as_it_may_be_and_features_fill_what_is_left(there: Path, tmp_path: Path) -> None:
    study = config.load(there / "carried.yaml")
    sizes = {}
    for files in (1, 2, 3):
        pack.pack(study, layout(there), tmp_path / str(files), files=files, largest=60_000)
        archives = sorted((tmp_path / str(files)).iterdir())
        assert len(archives) <= files and all(path.stat().st_size <= 60_000 for path in archives)
        names = [name for path in archives for name in zipfile.ZipFile(path).namelist()]
        assert sum(name.endswith("outputs.npz") for name in names) == len(config.all_parts(study))
        sizes[files] = sum(name.endswith("features.npz") for name in names)
    assert 0 <= sizes[1] < sizes[2] < sizes[3] <= len(config.all_parts(study))


def test_models_without_all_features_have_no_embedding(there: Path, here: Path, tmp_path: Path) -> None:
    study = config.load(there / "carried.yaml")
    pack.pack(study, layout(there), tmp_path / "packed", files=2, largest=60_000)
    assert call(here, "merge", str(tmp_path / "packed")) == 0
    outputs = [load_outputs(path) for path in layout(here).root.glob("networks/*/*/outputs.npz")]
    assert 0 < sum("features" in arrays for arrays in outputs) < len(outputs)
    assert call(here, "combine") == 0
    assert layout(here).predictions.read_bytes() == layout(there).predictions.read_bytes()
    assert not layout(here).embeddings("mixture", 1).exists()
    wanted = "results/carried/report/source"
    done = forked.snakemake(
        here, "--cores", "2", "--configfile", "carried.yaml", "--config", "from=outputs", "--", wanted
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    page = tmp_path / "emorec.html"
    render.render(here / wanted, page, page.with_suffix(".pdf"), render.PANDOC)
    words = re.sub(r"<[^>]+>|\s+", " ", page.read_text(encoding="utf-8")).replace("\xa0", " ")
    assert "keeps no representation of the mixture" in words
    assert "trained in one place and gathered here" in words


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"training": STUDY["training"] | {"lr": 0.06}}, "trained with another training.lr"),
        ({"data": {"source": "synthetic", "synthetic": STUDY["data"]["synthetic"] | {"seed": 7}}}, "the faces are not"),
        ({"seeds": [0]}, "is no network of the study"),
    ],
)
def test_a_pack_of_another_study_is_refused(
    there: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], said: str
) -> None:
    other = start(tmp_path / "checkout", **change)
    capsys.readouterr()
    assert call(other, "merge", str(there / "packed")) == 1
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not list(layout(other).root.glob("networks/*")) and not list(layout(other).root.glob(".merge*"))


def test_a_damaged_pack_or_none_is_one_line(there: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = here / "damaged"
    shutil.copytree(there / "packed", damaged)
    archive = damaged / "networks-1.zip"
    archive.write_bytes(archive.read_bytes()[:-1000])
    for source, said in ((damaged, "damaged"), (here / "nothing", "no pack")):
        capsys.readouterr()
        assert call(here, "merge", str(source)) == 1
        error = capsys.readouterr().err
        assert said in error and "pack the networks again" in error and error.count("\n") == 1
    assert not list(layout(here).root.glob("networks/*"))


def test_another_network_in_its_place_is_left(there: Path, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(here, "merge", str(there / "packed")) == 0
    path = layout(here).network("single", 0) / "network.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"best_epoch": 9}))
    capsys.readouterr()
    assert call(here, "merge", str(there / "packed")) == 1
    assert "another network" in capsys.readouterr().err
    assert json.loads(path.read_text())["best_epoch"] == 9
