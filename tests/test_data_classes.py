"""Copies of faces that people have: what their classes mean, which splits are made, and what is never guessed."""

from __future__ import annotations

import gzip
import io
import json
import logging
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from emorec import EMOTIONS, cli
from emorec.classes import OFFICIAL, ORDERS, order_of, parse_class
from emorec.config import Data, validate
from emorec.data.faces import load_faces
from emorec.data.labels import find_order
from emorec.data.prepare import stage
from emorec.data.read import find_source, read_faces, source_digest
from emorec.data.splits import TEST, TRAIN, VAL
from emorec.errors import EmorecError
from emorec.paths import Layout

FOLDERS = ("train", "validation", "test")
USAGES = ("Training", "PublicTest", "PrivateTest")
# Written down from the data sets' own pages, apart from the package's table.
NUMBERS = {
    "fer2013": {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "sad": 4, "surprise": 5, "neutral": 6},
    "alphabetical": {"angry": 0, "disgust": 1, "fear": 2, "happy": 3, "neutral": 4, "sad": 5, "surprise": 6},
    "affectnet": {"neutral": 0, "happy": 1, "sad": 2, "surprise": 3, "fear": 4, "disgust": 5, "angry": 6},
    "ferplus": {"neutral": 0, "happy": 1, "surprise": 2, "sad": 3, "angry": 4, "disgust": 5, "fear": 6},
    "rafdb": {"surprise": 1, "fear": 2, "disgust": 3, "happy": 4, "sad": 5, "angry": 6, "neutral": 7},
    "ckplus": {"neutral": 0, "angry": 1, "disgust": 3, "fear": 4, "happy": 5, "sad": 6, "surprise": 7},
}


def grey(emotion: str) -> int:
    """A face's pixels say which emotion it is, so that a test can tell whether its label is right."""
    return 10 + 30 * EMOTIONS.index(emotion)


def tree(root: Path, name: Callable[[str], str], folders: tuple[str, ...] = FOLDERS, each: int = 2) -> Path:
    """A tree of faces, `each` of every emotion in every folder; `name` gives the folder's name of an emotion."""
    for index, folder in enumerate(folders):
        for emotion in EMOTIONS:
            place = root / folder / name(emotion)
            place.mkdir(parents=True, exist_ok=True)
            for number in range(each):
                Image.new("L", (48, 48), grey(emotion)).save(place / f"{number + each * index}.png")
    return root


def table(path: Path, number: Callable[[str], int], each: int = 1) -> Path:
    lines = ["emotion,pixels,Usage"]
    for usage in USAGES:
        for emotion in EMOTIONS * each:
            lines.append(f"{number(emotion)},{' '.join([str(grey(emotion))] * 2304)},{usage}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def assert_right(source: Path, classes: object = None, sizes: tuple[int, ...] = (14, 14, 14)) -> str:
    """Each face has the label that its pixels say; what is said of how that is known."""
    faces = read_faces(find_source(source), classes)
    assert [EMOTIONS[label] for label in faces.labels] == [EMOTIONS[(g - 10) // 30] for g in faces.images[:, 0, 0]]
    assert np.bincount(faces.split, minlength=3).tolist() == list(sizes)
    assert len(set(faces.row.tolist())) == len(faces)
    return faces.labelling


# What numbers mean


@pytest.mark.parametrize("name", NUMBERS)
def test_numbered_folders_are_read_in_the_order_that_is_named(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path, lambda emotion: str(NUMBERS[name][emotion]))
    assert name in assert_right(root, name)
    top = max(NUMBERS[name].values())
    first = min(NUMBERS[name].values())
    names = {number: emotion for emotion, number in NUMBERS[name].items()}
    assert_right(root, [names.get(number, "contempt") for number in range(first, top + 1)])


@pytest.mark.parametrize("name", NUMBERS)
def test_numbered_folders_are_never_guessed(tmp_path: Path, name: str) -> None:
    root = tree(tmp_path, lambda emotion: f"{NUMBERS[name][emotion]}")
    with pytest.raises(EmorecError, match="nothing says which emotion each is; set data.classes to fer2013, alpha"):
        read_faces(root)


@pytest.mark.parametrize("form", ["{0} {1}", "{0}_{1}", "{1}-{0}", "0{0}.{1}"])
def test_names_beside_numbers_say_what_they_mean(tmp_path: Path, form: str) -> None:
    root = tree(tmp_path, lambda emotion: form.format(NUMBERS["affectnet"][emotion], emotion.title()))
    assert assert_right(root) == ""
    assert_right(root, "affectnet")
    with pytest.raises(EmorecError, match="data.classes contradicts the name beside"):
        read_faces(root, "fer2013")


def test_numbers_in_one_folder_are_known_by_names_in_another(tmp_path: Path) -> None:
    tree(tmp_path, lambda emotion: f"{NUMBERS['affectnet'][emotion]} {emotion}", ("train",))
    tree(tmp_path, lambda emotion: f"{NUMBERS['affectnet'][emotion]}", ("validation", "test"))
    assert "names beside them" in assert_right(tmp_path)
    (tmp_path / "test/0").rename(tmp_path / "test/0 sad")
    with pytest.raises(EmorecError, match="the number 0 stands beside another emotion elsewhere"):
        read_faces(tmp_path)


@pytest.mark.parametrize("text", ["joy", "", "1 2", "3 happy 3", "123", "hap3py", "١", "-", "happy sad"])
def test_what_is_no_class(text: str) -> None:
    with pytest.raises(KeyError):
        parse_class(text)


def test_a_list_of_classes_counts_from_one_where_the_data_do() -> None:
    names = list(ORDERS["rafdb"][1])
    assert order_of(names, [1, 4, 7])[7] == EMOTIONS.index("neutral")
    assert order_of(names, [0, 4, 6])[6] == EMOTIONS.index("neutral")


def faces_of(counts: dict[str, int], numbers: dict[str, int]) -> np.ndarray:
    return np.repeat([numbers[emotion] for emotion in counts], list(counts.values()))


# The official counts, from the data sets' own pages.
FER2013 = dict(zip(EMOTIONS, (3995, 436, 4097, 7215, 4830, 3171, 4965), strict=True))
RAFDB = {"surprise": 1290, "fear": 281, "disgust": 717, "happy": 4772, "sad": 1982, "angry": 705, "neutral": 2524}


def test_the_package_has_the_official_counts() -> None:
    assert OFFICIAL["FER2013"][0] == tuple(FER2013.values()) and sum(OFFICIAL["FER2013"][1]) == 35_887
    assert (
        OFFICIAL["RAF-DB"][0] == tuple(RAFDB[emotion] for emotion in EMOTIONS) and sum(OFFICIAL["RAF-DB"][1]) == 15_339
    )


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("counts", [FER2013, RAFDB])
def test_official_counts_tell_the_order(counts: dict[str, int], name: str) -> None:
    numbers = faces_of(counts, NUMBERS[name])
    training = np.ones(len(numbers), bool)
    right = {NUMBERS[name][emotion]: EMOTIONS.index(emotion) for emotion in EMOTIONS}
    order, sentence = find_order(Path("x"), numbers, training, None)
    assert order == right and "class counts" in sentence
    own = name == "fer2013"
    if own:
        assert find_order(Path("x"), numbers, training, None, default="fer2013")[1] == ""
        return
    for classes, default in (("fer2013", None), (None, "fer2013")):  # told otherwise, by the user or by the form
        with pytest.raises(EmorecError, match=f"not in the order fer2013; set data.classes: {name}$|for the class 7"):
            find_order(Path("x"), numbers, training, classes, default=default)


def test_shares_of_a_cleaned_copy_contradict_what_is_assumed_and_cast_doubt_on_what_is_said() -> None:
    cleaned = {emotion: int(count * 0.97) for emotion, count in FER2013.items()}
    numbers = faces_of(cleaned, NUMBERS["alphabetical"])
    training = np.ones(len(numbers), bool)
    with pytest.raises(EmorecError, match="FER2013's, but not in the order fer2013; set data.classes: alphabetical"):
        find_order(Path("x"), numbers, training, None, default="fer2013")
    with pytest.raises(EmorecError, match=r"nothing says .*the shares .* FER2013's in the order alphabetical"):
        find_order(Path("x"), numbers, training, None)
    assert "in the order alphabetical" in find_order(Path("x"), numbers, training, "fer2013")[1]
    assert "shares" not in find_order(Path("x"), numbers, training, "alphabetical")[1]
    even = np.arange(7000) % 7
    assert "shares" not in find_order(Path("x"), even, training[:7000], "affectnet")[1]


def test_a_table_s_numbers_are_fer2013_s_unless_told(tmp_path: Path) -> None:
    own = table(tmp_path / "own.csv", lambda emotion: NUMBERS["fer2013"][emotion])
    assert "as in every table of FER2013's form" in assert_right(own, None, (7, 7, 7))
    other = table(tmp_path / "other.csv", lambda emotion: NUMBERS["ckplus"][emotion])
    assert "as data.classes says" in assert_right(other, "ckplus", (7, 7, 7))
    with pytest.raises(EmorecError, match="emotion is '7', above 6"):
        read_faces(other)


def test_train_and_test_tables_take_the_classes_too(tmp_path: Path) -> None:
    whole = table(tmp_path / "whole.csv", lambda emotion: NUMBERS["affectnet"][emotion], 20).read_text().splitlines()
    for name, usage in (("train.csv", "Training"), ("test.csv", "PrivateTest")):
        lines = [line.rsplit(",", 1)[0] for line in whole if line.endswith((usage, "Usage"))]
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    assert_right(tmp_path, "affectnet", (126, 14, 140))


def test_the_order_in_a_config(tmp_path: Path) -> None:
    def config(**data: object) -> Data:
        return validate({"study": "a", "data": data, "models": {"a": {"kind": "single"}}}, "config").data

    assert config(classes="rafdb").classes == "rafdb"
    assert config(classes=["happy", "Sadness", "contempt", "unknown"]).classes
    for wrong, said in (
        ("raf", "one of fer2013, alphabetical"),
        (["joy"], "no emotion is called 'joy'"),
        (["happy", "happiness"], "one emotion"),
        ([3], "list of the classes' names"),
    ):
        with pytest.raises(EmorecError, match=f"data.classes: .*{said}"):
            config(classes=wrong)
    with pytest.raises(EmorecError, match="synthetic faces have no numbers"):
        config(classes="rafdb", source="synthetic")


# Layouts


def test_a_tree_without_test_faces_gives_half_of_its_validation_faces(tmp_path: Path) -> None:
    tree(tmp_path, str, ("train", "validation"), each=5)
    assert_right(tmp_path, None, (35, 21, 14))
    faces = read_faces(tmp_path)
    assert "test is every second validation face" in faces.note
    assert np.bincount(faces.labels[faces.split == TEST]).tolist() == [2] * 7


@pytest.mark.parametrize("folders", [("train",), ("",)])
def test_a_tree_without_splits_gives_a_tenth_each(tmp_path: Path, folders: tuple[str, ...]) -> None:
    tree(tmp_path, str, folders, each=20)
    (tmp_path / "README.txt").touch()
    assert_right(tmp_path, None, (112, 14, 14))
    assert "val and test are each a tenth" in read_faces(tmp_path).note


def test_ck48_is_split_by_subject(tmp_path: Path) -> None:
    """Three frames of each sequence are hardly different: no subject may be in two splits."""
    rng = np.random.default_rng(0)
    names = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
    for subject in range(40):
        for sequence, name in enumerate(rng.choice(names, 3, replace=False), start=1):
            for frame in (17, 18, 19):
                place = tmp_path / "CK+48" / name / f"S{subject:03}_{sequence:03}_{frame:08}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                Image.new("L", (48, 48), subject).save(place)
    faces = read_faces(find_source(tmp_path / "CK+48"))
    by_split = [set(faces.images[faces.split == code, 0, 0].tolist()) for code in (TRAIN, VAL, TEST)]
    assert [len(subjects) for subjects in by_split] == [32, 4, 4] and len(set.union(*by_split)) == 40
    assert "a tenth of the subjects" in faces.note
    assert "contempt, are left out" in faces.labelling and EMOTIONS.index("neutral") not in faces.labels
    assert len(faces) == 360 - len(list((tmp_path / "CK+48/contempt").iterdir()))


def test_folders_of_ferplus(tmp_path: Path) -> None:
    """As in a copy of FER+: its eight names, one of them misspelt; contempt is no emotion of FER2013."""
    names = dict(zip(EMOTIONS, ("anger", "disgust", "fear", "happiness", "sadness", "suprise", "neutral"), strict=True))
    tree(tmp_path, names.__getitem__)
    for folder in FOLDERS:
        (tmp_path / folder / "contempt").mkdir()
        Image.new("L", (48, 48)).save(tmp_path / folder / "contempt/0.png")
    assert assert_right(tmp_path) == "3 faces of none of the seven emotions, such as contempt, are left out"


def test_the_votes_beside_ferplus_s_images_are_no_labels(tmp_path: Path) -> None:
    """As FER+'s own script leaves a copy: images and their votes in a folder a split."""
    for folder in ("FER2013Train", "FER2013Valid", "FER2013Test"):
        (tmp_path / folder).mkdir()
        Image.new("L", (48, 48)).save(tmp_path / folder / "fer0000000.png")
        (tmp_path / folder / "label.csv").write_text('fer0000000.png,"(0, 0, 48, 48)",4,0,0,1,3,2,0,0,0,0\n')
    with pytest.raises(EmorecError, match=r"/label\.csv: people's votes of FER\+, no labels of FER2013; take"):
        read_faces(find_source(tmp_path))
    with pytest.raises(EmorecError, match=r"label\.csv, row 1: wrong columns"):
        read_faces(tmp_path / "FER2013Train" / "label.csv")


def parquet(path: Path, emotions: list[str], names: list[str] | None, text: bool = False, struct: bool = True) -> None:
    """As Hugging Face's `datasets` writes it: an image's bytes and path, a number, the names in the metadata."""
    pictures = []
    for emotion in emotions:
        file = io.BytesIO()
        Image.new("L", (48, 48), grey(emotion)).save(file, format="PNG")
        pictures.append({"bytes": file.getvalue(), "path": None} if struct else file.getvalue())
    order = names or sorted(EMOTIONS)
    labels = emotions if text else [order.index(emotion) for emotion in emotions]
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    made = pa.table({"image": pictures, "label": labels})
    if names:
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(made, path)


ALPHABETICAL = sorted(EMOTIONS)


@pytest.mark.parametrize("struct", [True, False])
@pytest.mark.parametrize("place", ["data/{}-00000-of-00001.parquet", "{}.parquet", "default/{}/0000.parquet"])
def test_parquet_with_names_in_its_metadata(tmp_path: Path, place: str, struct: bool) -> None:
    for split in FOLDERS:
        parquet(tmp_path / place.format(split), [*EMOTIONS] * 2, ALPHABETICAL, struct=struct)
    assert "names beside them" in assert_right(tmp_path)
    assert source_digest(tmp_path) == source_digest(tmp_path)
    assert_right(tmp_path, "alphabetical")
    with pytest.raises(EmorecError, match="data.classes contradicts the name beside 4"):
        read_faces(tmp_path, "fer2013")


def test_parquet_of_two_files_and_without_validation_faces(tmp_path: Path) -> None:
    for number in range(2):
        parquet(tmp_path / f"train-0000{number}-of-00002.parquet", [*EMOTIONS] * 10, ALPHABETICAL)
    parquet(tmp_path / "test-00000-of-00001.parquet", [*EMOTIONS], ALPHABETICAL)
    assert_right(tmp_path, None, (126, 14, 7))
    assert "val is every tenth" in read_faces(tmp_path).note


def test_parquet_without_names(tmp_path: Path) -> None:
    for split in FOLDERS:
        parquet(tmp_path / f"{split}.parquet", [*EMOTIONS] * 2, None)
    with pytest.raises(EmorecError, match="nothing says which emotion each is"):
        read_faces(tmp_path)
    assert_right(tmp_path, "alphabetical")
    for split in FOLDERS:
        parquet(tmp_path / f"{split}.parquet", [*EMOTIONS] * 2, None, text=True)
    assert assert_right(tmp_path) == ""


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b"PAR1"), "no readable Parquet"),
        (lambda path: parquet(path, [*EMOTIONS], ALPHABETICAL[::-1]), "named in another order"),
        (lambda path: pq.write_table(pa.table({"image": [b"x"], "label": [0]}), path), "row 1: unreadable image"),
        (lambda path: pq.write_table(pa.table({"image": [1], "label": [0]}), path), "row 1: no image in the column"),
        (lambda path: pq.write_table(pa.table({"a": [1], "b": [0]}), path), "no columns image and label among a, b"),
    ],
)
def test_parquet_that_is_malformed(tmp_path: Path, spoil: Callable[[Path], object], said: str) -> None:
    for split in FOLDERS:
        parquet(tmp_path / f"{split}.parquet", [*EMOTIONS], ALPHABETICAL)
    spoil(tmp_path / "test.parquet")
    with pytest.raises(EmorecError, match=f"test.parquet.*{said}") as caught:
        read_faces(tmp_path)
    assert str(caught.value).isprintable()


# What lies beside


def packed(folder: Path, name: str) -> Path:
    content = table(folder / "plain" / "x.csv", EMOTIONS.index).read_bytes()
    path = folder / name
    if name.endswith(".csv.gz"):
        path.write_bytes(gzip.compress(content))
    else:
        with tarfile.open(path, "w:gz") as archive:
            for member, data in (("fer2013/README", b"x"), ("fer2013/fer2013.csv", content)):
                about = tarfile.TarInfo(member)
                about.size = len(data)
                archive.addfile(about, io.BytesIO(data))
    return path


@pytest.mark.parametrize("name", ["fer2013.csv.gz", "icml_face_data.csv.gz", "fer2013.tar.gz"])
def test_packed_tables_are_read_where_they_lie(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name)
    assert find_source(tmp_path) == path
    assert_right(path, None, (7, 7, 7))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(EmorecError, match=f"{name}: cannot be unpacked"):
        read_faces(path)


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "fer2013.tar.gz", "w:gz") as archive:
        archive.add(__file__, "fer2013/code.py")
    with pytest.raises(EmorecError, match=r"no fer2013.csv or icml_face_data.csv in this archive"):
        read_faces(tmp_path)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("fer2013.csv/fer2013.csv", "fer2013.csv/ is a folder of that name; name what is in it"),
        ("FER2013.csv", "there is .*FER2013.csv; name it in data.path, or rename it"),
        ("archive.zip", "there is .*archive.zip; unpack it"),
        ("fer2013/challenges.rar", "there is .*fer2013/challenges.rar; unpack it"),
        ("images/train/angry/1.png", "images/ has faces; name it in data.path"),
    ],
)
def test_what_lies_there_instead_is_named(tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).touch()
    with pytest.raises(EmorecError, match=f"not found, but .*{said}"):
        find_source(tmp_path)


def test_a_missing_file_s_neighbour_is_named(tmp_path: Path) -> None:
    (tmp_path / "Faces.CSV").touch()
    with pytest.raises(EmorecError, match="faces.csv: no such file or folder, but there is .*Faces.CSV; name it"):
        find_source(tmp_path / "faces.csv")


def test_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    path = table(tmp_path / "fer2013.csv", EMOTIONS.index)
    assert find_source(Path("~/fer2013.csv")) == find_source(Path("~")) == path
    with pytest.raises(EmorecError, match="no such file"):
        find_source(Path("~nobody-of-that-name/fer2013.csv"))


# What is told


def test_absent_emotions_and_what_was_assumed_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = table(tmp_path / "fer2013.csv", EMOTIONS.index)
    lines = [line for line in source.read_text().splitlines() if not (line[0] == "1" and line.endswith("PrivateTest"))]
    lines = [line for line in lines if not (line[0] in "25" and line.endswith("Training"))]
    source.write_text("\n".join(lines) + "\n")
    layout = Layout(tmp_path / "study")
    with caplog.at_level(logging.INFO):
        stage(Data(path=str(source)), layout)
    summary = json.loads(layout.summary.read_text())
    assert summary["absent"] == {"train": ["fear", "surprise"], "val": [], "test": ["disgust"]}
    assert "order fer2013" in summary["labelling"] and summary["labelling"] in caplog.text
    warned = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [text.split(":")[0] for text in warned] == [
        "no face in train is fear or surprise",
        "no face in test is disgust",
    ]
    assert len(load_faces(layout.faces)) == 18


@pytest.mark.usefixtures("own_handlers")
def test_the_command_takes_the_classes(tmp_path: Path) -> None:
    tree(tmp_path / "faces", lambda emotion: str(NUMBERS["affectnet"][emotion]))
    config = tmp_path / "config.yaml"
    config.write_text(
        f"study: a\ndata: {{path: {tmp_path / 'faces'}, classes: affectnet}}\nmodels: {{a: {{kind: single}}}}\n"
    )
    assert cli.main(["data", "--config", str(config), "--results", str(tmp_path)]) == 0
    faces = load_faces(tmp_path / "a/data/faces.npz")
    assert (faces.images[:, 0, 0] == [grey(EMOTIONS[label]) for label in faces.labels]).all()
