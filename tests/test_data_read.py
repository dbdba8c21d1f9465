"""Reading FER2013: each form gives the same faces from the same data; each fault is named by file, row and reason."""

from __future__ import annotations

import builtins
import errno
import hashlib
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emorec import EMOTIONS
from emorec.data.faces import Faces
from emorec.data.folders import read_images
from emorec.data.image import read_image
from emorec.data.read import find_source, read_faces, source_digest
from emorec.data.splits import TEST, TRAIN, VAL, carve
from emorec.errors import EmorecError

USAGES = ("Training", "PublicTest", "PrivateTest")
FACE = " ".join(["7"] * 2304)


@pytest.fixture
def faces() -> Faces:
    """Two faces of each emotion to train on, one each for val and test, in FER2013's order of splits."""
    random = np.random.default_rng(0)
    labels = np.concatenate([np.tile(np.arange(7), 2), np.arange(7), np.arange(7)]).astype(np.uint8)
    split = np.repeat([TRAIN, VAL, TEST], [14, 7, 7]).astype(np.uint8)
    images = random.integers(0, 256, (28, 48, 48), dtype=np.uint8)
    images[0, 0, :3] = (0, 255, 7)
    return Faces(images, labels, split, np.arange(28, dtype=np.int32))


def assert_same(read: Faces, expected: Faces) -> None:
    for name in ("images", "labels", "split", "row"):
        actual, wanted = getattr(read, name), getattr(expected, name)
        assert actual.dtype == wanted.dtype, name
        np.testing.assert_array_equal(actual, wanted, err_msg=name)


def pixels(image: np.ndarray) -> str:
    return " ".join(map(str, image.ravel()))


def write_table(path: Path, faces: Faces, header: str, end: str = "\n") -> None:
    lines = [header]
    for image, label, split in zip(faces.images, faces.labels, faces.split, strict=True):
        cells = {"emotion": str(label), "pixels": pixels(image), "Usage": USAGES[split]}
        cells['"pixels"'] = f'"{cells["pixels"]}"'
        lines.append(",".join(cells[column.strip()] for column in header.split(",")))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((end.join(lines) + end).encode())


def take(faces: Faces, keep: np.ndarray) -> Faces:
    return Faces(faces.images[keep], faces.labels[keep], faces.split[keep], np.arange(keep.sum(), dtype=np.int32))


def write_tree(root: Path, faces: Faces, name: Callable[[int, int], str], **options: object) -> None:
    """`name` gives a face's path, {} for its emotion, from its row and split."""
    for row, (image, label, split) in enumerate(zip(faces.images, faces.labels, faces.split, strict=True)):
        path = root / name(row, split).format(EMOTIONS[label])
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).convert(options.get("mode", "L")).save(path)


def kaggle_name(row: int, split: int) -> str:
    return ("train" if split == TRAIN else "test") + f"/{{}}/{USAGES[split]}_{row}.png"


def read(source: Path) -> Faces:
    return read_faces(find_source(source))


def refused(source: Path) -> str:
    with pytest.raises(EmorecError) as caught:
        read(source)
    message = str(caught.value)
    assert message.isprintable(), "one line, fit for a terminal"
    return message


def fault(source: Path) -> str:
    """What is wrong, without the remedy, which there has to be."""
    what, _, remedy = refused(source).partition("; ")
    assert remedy
    return what


# The forms


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("fer2013.csv", "emotion,pixels,Usage"),
        ("icml_face_data.csv", "emotion, Usage, pixels"),
        ("any name.csv", 'Usage,"pixels",emotion'),
    ],
)
def test_table(tmp_path: Path, faces: Faces, name: str, header: str) -> None:
    write_table(tmp_path / name, faces, header)
    assert_same(read(tmp_path / name), faces)
    assert read(tmp_path / name).note == ""


def test_table_of_windows(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "fer2013.csv"
    write_table(path, faces, "emotion,pixels,Usage", end="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n")
    assert_same(read(path), faces)


def test_table_keeps_row_order_where_splits_are_mixed(tmp_path: Path, faces: Faces) -> None:
    order = np.random.default_rng(1).permutation(28)
    mixed = Faces(faces.images[order], faces.labels[order], faces.split[order], faces.row)
    write_table(tmp_path / "fer2013.csv", mixed, "emotion,pixels,Usage")
    assert_same(read(tmp_path), mixed)


def test_train_and_test_with_usage(tmp_path: Path, faces: Faces) -> None:
    write_table(tmp_path / "train.csv", take(faces, faces.split == TRAIN), "emotion,pixels,Usage")
    write_table(tmp_path / "test.csv", take(faces, faces.split != TRAIN), "emotion,pixels,Usage")
    assert_same(read(tmp_path), faces)
    assert read(tmp_path).note == ""


@pytest.fixture
def many() -> Faces:
    """Twenty training faces of each emotion, then one test face of each: enough to carve splits from."""
    random = np.random.default_rng(2)
    labels = np.concatenate([random.permutation(np.repeat(np.arange(7), 20)), np.arange(7)]).astype(np.uint8)
    split = np.repeat([TRAIN, TEST], [140, 7]).astype(np.uint8)
    images = random.integers(0, 256, (147, 48, 48), dtype=np.uint8)
    return Faces(images, labels, split, np.arange(147, dtype=np.int32))


def test_train_and_labelled_test(tmp_path: Path, many: Faces) -> None:
    write_table(tmp_path / "train.csv", take(many, many.split == TRAIN), "emotion,pixels")
    write_table(tmp_path / "test.csv", take(many, many.split == TEST), "emotion,pixels")
    expected = carve(many.labels, many.split, (VAL,))
    assert_same(read(tmp_path), Faces(many.images, many.labels, expected, many.row))
    assert "val" in read(tmp_path).note
    assert np.bincount(many.labels[expected == VAL]).tolist() == [2] * 7
    assert (expected == TEST).sum() == 7


def test_train_and_unlabelled_test(tmp_path: Path, many: Faces) -> None:
    train = take(many, many.split == TRAIN)
    write_table(tmp_path / "train.csv", train, "emotion,pixels")
    write_table(tmp_path / "test.csv", take(many, many.split == TEST), "pixels")
    faces = read(tmp_path)
    assert_same(faces, Faces(train.images, train.labels, carve(train.labels, train.split, (VAL, TEST)), train.row))
    assert "no labels" in faces.note
    for split, count in ((TRAIN, 16), (VAL, 2), (TEST, 2)):
        assert np.bincount(faces.labels[faces.split == split]).tolist() == [count] * 7


def test_kaggle_folders(tmp_path: Path, faces: Faces) -> None:
    write_tree(tmp_path, faces, kaggle_name)
    assert_same(read(tmp_path), faces)
    assert read(tmp_path).note == ""


def test_three_folders(tmp_path: Path, faces: Faces) -> None:
    folders = ("train", "validation", "test")
    write_tree(tmp_path, faces, lambda row, split: f"{folders[split]}/{{}}/im{row}.png", mode="RGB")
    assert_same(read(tmp_path), faces)


def test_folders_and_emotions_have_aliases(tmp_path: Path, faces: Faces) -> None:
    aliases = dict(
        zip(EMOTIONS, ("Anger", "disgusted", "Fearful", "happiness", "sadness", "surprised", "Neutral"), strict=True)
    )
    folders = ("Training", "val", "PrivateTest")
    for row, (image, label, split) in enumerate(zip(faces.images, faces.labels, faces.split, strict=True)):
        path = tmp_path / folders[split] / aliases[EMOTIONS[label]] / f"{row}.bmp"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    (tmp_path / "val" / ".DS_Store").touch()
    (tmp_path / "val" / "Anger" / "Thumbs.db").touch()
    assert_same(read(tmp_path), faces)


def test_folders_without_validation_faces(tmp_path: Path, many: Faces) -> None:
    write_tree(tmp_path, many, lambda row, split: f"{'train' if split == TRAIN else 'test'}/{{}}/{row}.png")
    assert_same(read(tmp_path), Faces(many.images, many.labels, carve(many.labels, many.split, (VAL,)), many.row))
    assert "val" in read(tmp_path).note


def test_names_without_numbers_come_in_order(tmp_path: Path) -> None:
    for index, name in enumerate(("train/sad/b", "train/happy/b", "val/sad/x", "test/sad/x", "train/fear/10")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (48, 48), index).save(tmp_path / f"{name}.png")
    assert read(tmp_path).images[:, 0, 0].tolist() == [4, 1, 0, 2, 3]


@pytest.mark.parametrize(("size", "mode"), [((96, 96), "RGB"), ((20, 31), "L"), ((300, 200), "RGBA"), ((64, 64), "P")])
def test_images_of_any_size_and_colour(tmp_path: Path, faces: Faces, size: tuple[int, int], mode: str) -> None:
    write_tree(tmp_path, faces, kaggle_name)
    Image.new("L", size, 90).convert(mode).save(tmp_path / "train/angry/Training_0.png")
    assert (read(tmp_path).images[0] == 90).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path: Path, mode: str) -> None:
    """Two pictures that look the same but for what hides under full transparency; half of that shows half of both."""
    alpha = np.zeros((48, 48), np.uint8)
    alpha[:, 16:] = 255
    alpha[:, 32:] = 127 if mode != "P" else 255
    for hidden in (0, 255):
        grey = np.full((48, 48), 100, np.uint8)
        grey[:, :16] = hidden
        picture = Image.merge("LA", [Image.fromarray(grey), Image.fromarray(alpha)])
        picture = picture if mode == "LA" else picture.convert("RGBA")
        if mode == "P":
            picture = picture.convert("RGB").quantize(2)
            picture.info["transparency"] = int(np.asarray(picture)[0, 0])
        picture.save(tmp_path / "face.png")
        seen = read_image(tmp_path / "face.png")
        assert (seen[:, :16] == 255).all() and (seen[:, 16:32] == 100).all()
        assert np.abs(seen[:, 32:] - (100 if mode == "P" else 255 - 155 * 127 / 255)).max() <= 1


def test_an_image_file_is_known_by_what_it_begins_with(tmp_path: Path) -> None:
    """Formats that Pillow may know elsewhere: made by Pillow itself where it can write them."""
    Image.init()
    for form, name in (("AVIF", "AVIF"), ("JPEG2000", "JPEG 2000")):
        if form in Image.SAVE:
            Image.new("L", (48, 48)).convert("RGB").save(tmp_path / "face", format=form)
            with pytest.raises(EmorecError, match=f"in the format {name}, which is not read here; save it as PNG"):
                read_image(tmp_path / "face")


def test_jpeg_comes_close(tmp_path: Path, faces: Faces) -> None:
    smooth = np.add.outer(np.arange(48), np.arange(48)).astype(np.uint8) * 2
    write_tree(tmp_path, faces, kaggle_name)
    (tmp_path / "train/angry/Training_0.png").unlink()
    Image.fromarray(smooth).save(tmp_path / "train/angry/Training_0.jpg", quality=95)
    assert np.abs(read(tmp_path).images[0].astype(int) - smooth).max() < 8


def test_torchvision_reads_the_same(tmp_path: Path, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("benchmarks.torchvision_whole").make_importable()
    fer2013 = pytest.importorskip("torchvision.datasets.fer2013")

    monkeypatch.setattr(fer2013, "check_integrity", lambda *_args, **_names: True)
    write_table(tmp_path / "fer2013" / "icml_face_data.csv", faces, "emotion, Usage, pixels")
    mine = read(tmp_path)
    for split, codes in (("train", [TRAIN]), ("test", [VAL, TEST])):
        theirs = list(fer2013.FER2013(tmp_path, split))
        keep = np.isin(mine.split, codes)
        assert [label for _, label in theirs] == mine.labels[keep].tolist()
        np.testing.assert_array_equal(np.stack([np.asarray(image) for image, _ in theirs]), mine.images[keep])


# Finding the source


def test_search_goes_by_precedence(tmp_path: Path, faces: Faces, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    write_tree(data, faces, kaggle_name)
    assert find_source(data) == data
    write_table(data / "icml_face_data.csv", faces, "emotion, Usage, pixels")
    assert find_source(data) == data / "icml_face_data.csv"
    write_table(data / "fer2013.csv", faces, "emotion,pixels,Usage")
    monkeypatch.chdir(tmp_path)
    assert find_source(data) == find_source(None).resolve() == data / "fer2013.csv"
    assert find_source(data / "icml_face_data.csv") == data / "icml_face_data.csv"


def test_search_looks_into_fer2013(tmp_path: Path, faces: Faces) -> None:
    write_table(tmp_path / "fer2013" / "fer2013.csv", faces, "emotion,pixels,Usage")
    assert find_source(tmp_path) == tmp_path / "fer2013" / "fer2013.csv"


def test_nothing_found_says_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmorecError, match=r"looked in data/, data/fer2013/ .*kaggle\.com") as caught:
        find_source(None)
    assert "\n" not in str(caught.value)
    with pytest.raises(EmorecError, match=r"nowhere\.csv: no such file.*kaggle\.com"):
        find_source(Path("nowhere.csv"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmorecError, match=r"looked in empty/.*kaggle\.com"):
        find_source(Path("empty"))


def test_digest(tmp_path: Path, faces: Faces) -> None:
    path = tmp_path / "fer2013.csv"
    write_table(path, faces, "emotion,pixels,Usage")
    assert source_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_digest_of_folders(tmp_path: Path, faces: Faces) -> None:
    digests = set()
    for root in (tmp_path / "one", tmp_path / "two"):
        write_tree(root, faces, kaggle_name)
        digests.add(source_digest(root))
    (root / "README.txt").write_text("not data")
    digests.add(source_digest(root))
    assert len(digests) == 1
    (root / "test/sad/PublicTest_18.png").rename(root / "test/happy/PublicTest_18.png")
    assert source_digest(root) not in digests


def test_digest_of_two_tables_is_that_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_bytes(b"a")
    (tmp_path / "test.csv").write_bytes(b"b")
    a, b = (hashlib.sha256(text).hexdigest() for text in (b"a", b"b"))
    assert source_digest(tmp_path) == hashlib.sha256(f"{b}  test.csv\n{a}  train.csv\n".encode()).hexdigest()


# Malformed tables


def changed(index: int, value: str) -> str:
    values = FACE.split()
    values[index] = value
    return " ".join(values)


GOOD = [f"0,{FACE},Training", f"1,{FACE},PublicTest", f"2,{FACE},PrivateTest"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"0,{FACE} 1,Training", "2,305 pixels instead of 2,304"),
        (f"0,{FACE[:-2]},Training", "2,303 pixels instead of 2,304"),
        ("0,,Training", "0 pixels instead of 2,304"),
        (f"0,{changed(9, '256')},Training", "pixel 10 is '256', above 255"),
        (f"0,{changed(9, '18446744073709551623')},Training", "pixel 10 is '18446744073709551623', above 255"),
        (f"0,{changed(9, '9' * 5000)},Training", f"pixel 10 is '{'9' * 20}…', above 255"),
        (f"0,{changed(9, '-1')},Training", "pixel 10 is '-1', not an integer from 0 to 255"),
        (f"0,{changed(9, '1.5')},Training", "pixel 10 is '1.5', not an integer from 0 to 255"),
        (f"0,{changed(9, 'nan')},Training", "pixel 10 is 'nan', not an integer from 0 to 255"),
        (f"0,{changed(9, '0x1')},Training", "pixel 10 is '0x1', not an integer from 0 to 255"),
        (f"0,{changed(9, chr(0))},Training", r"pixel 10 is '\x00', not an integer from 0 to 255"),
        (f"0,{changed(9, '٣')},Training", "pixel 10 is '٣', not an integer from 0 to 255"),
        (f"0,{changed(9, chr(27) + '[2J')},Training", r"pixel 10 is '\x1b[2J', not an integer from 0 to 255"),
        (f"0,{FACE.replace(' ', chr(9))},Training", "pixels are separated by something other than spaces"),
        (f"7,{FACE},Training", "emotion is '7', above 6"),
        (f"-1,{FACE},Training", "emotion is '-1', not an integer from 0 to 6"),
        (f"happy,{FACE},Training", "emotion is 'happy', not an integer from 0 to 6"),
        (f",{FACE},Training", "emotion is '', not an integer from 0 to 6"),
        (f"{'1' * 9000},{FACE},Training", f"emotion is '{'1' * 20}…', above 6"),
        (f"1{'0' * 21},{FACE},Training", f"emotion is '1{'0' * 19}…', above 6"),
        (f"0,{FACE},training set", "unknown Usage 'training set', expected Training, PublicTest, PrivateTest"),
        (f"0,{FACE},", "unknown Usage '', expected Training, PublicTest, PrivateTest"),
        (f"0,{FACE}", "2 columns, the header has 3"),
        (f"0,{FACE},Training,", "4 columns, the header has 3"),
        ("0" * 70000, "longer than any face's line (65,536 bytes)"),
    ],
)
def test_malformed_row(tmp_path: Path, line: str, reason: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *GOOD, line, *GOOD]) + "\n", encoding="utf-8")
    assert fault(path) == f"{path}, row 5: {reason}"


def test_row_not_in_utf8(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes("\n".join(["emotion,pixels,Usage", *GOOD, f"0,{changed(0, 'é')},Training"]).encode("latin-1"))
    assert fault(path) == rf"{path}, row 5: pixel 1 is '\xe9', not an integer from 0 to 255"


def test_rows_are_the_lines_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", GOOD[0], "", "", f"9,{FACE},Training"]))
    assert fault(path) == f"{path}, row 5: emotion is '9', above 6"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", ": the file is empty"),
        (b"\xef\xbb\xbf", ": the file is empty"),
        (b"emotion,pixels,Usage\n", ": no faces below the header"),
        ("emotion,pixels,Usage\n".encode("utf-16"), ", row 1: not a CSV in UTF-8"),
        (b"emotion,pixels,Us\xe4ge\n", ", row 1: not a CSV in UTF-8"),
        (b"label,pixels,Usage\n", ", row 1: wrong columns: label,pixels,usage, expected emotion,pixels,Usage"),
        (b"emotion,pixels\n", ", row 1: wrong columns: emotion,pixels, expected emotion,pixels,Usage"),
        (b"emotion,pixels,Usage,x\n", ", row 1: wrong columns: emotion,pixels,usage,x, expected emotion,pixels,Usage"),
        (b"emotion,pixels,Usage,Usage\n", ", row 1: wrong columns: emotion,pixels,usage,usage, expected"),
        (f"0,{FACE},Training\n".encode(), ", row 1: wrong columns: 0,7 7 7"),
        (b"\x1f\x8b" + bytes(100_000), ", row 1: longer than any face's line"),
    ],
)
def test_malformed_table(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    assert refused(path).startswith(f"{path}{reason}")


EMPTY = [(0, "train (Training)"), (1, "val (PublicTest)"), (2, "test (PrivateTest)")]


@pytest.mark.parametrize(("absent", "split"), EMPTY)
def test_empty_split(tmp_path: Path, absent: int, split: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *(line for i, line in enumerate(GOOD) if i != absent)]))
    assert fault(path) == f"{path}: no faces in split {split}"


def test_train_without_test(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(f"emotion,pixels\n0,{FACE}\n")
    assert fault(tmp_path) == f"{tmp_path}: train.csv without test.csv"


def test_fault_in_test_csv(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text(f"emotion,pixels\n0,{FACE}\n")
    (tmp_path / "test.csv").write_text(f"emotion,pixels\n0,{FACE}\n8,{FACE}\n")
    assert fault(tmp_path) == f"{tmp_path / 'test.csv'}, row 3: emotion is '8', above 6"


def test_path_with_a_line_end_stays_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "fer\n2013.csv"
    path.touch()
    assert fault(path).endswith(r"fer\n2013.csv: the file is empty")


@pytest.mark.parametrize("reader", [read_faces, source_digest])
def test_file_that_the_system_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: Callable[[Path], object]
) -> None:
    def refuse(file: Path, *_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    path = tmp_path / "fer2013.csv"
    path.touch()
    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(EmorecError, match=rf"^{re.escape(str(path))}: Permission denied$"):
        reader(path)


# Malformed folders


@pytest.fixture
def tree(tmp_path: Path, faces: Faces) -> Path:
    write_tree(tmp_path, faces, kaggle_name)
    return tmp_path


@pytest.mark.parametrize("keep", [0, 40, 600])
def test_unreadable_image(tree: Path, keep: int) -> None:
    path = tree / "train/angry/Training_0.png"
    path.write_bytes(path.read_bytes()[:keep])
    assert re.fullmatch(rf"{re.escape(str(path))}: unreadable image, (of no known format|damaged)", fault(tree))


def test_file_that_is_no_image(tree: Path) -> None:
    path = tree / "test/sad/PublicTest_99.txt"
    path.write_text("hello")
    assert refused(tree).startswith(f"{path}: unreadable image")


def test_postscript_is_not_run(tree: Path) -> None:
    path = tree / "train/angry/Training_0.png"
    Image.new("L", (48, 48)).save(path.with_suffix(".eps"))
    assert refused(tree).startswith(f"{path.with_suffix('.eps')}: unreadable image")


@pytest.mark.parametrize("side", [5_000, 12_000, 60_000])
def test_decompression_bomb(tree: Path, side: int) -> None:
    path = tree / "train/angry/Training_0.png"
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, b"IDAT" + zlib.compress(bytes(1000)), b"IEND")
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    assert re.fullmatch(rf"{re.escape(str(path))}: image of .*more than 16,777,216.*", refused(tree))


def test_sixteen_bits(tree: Path) -> None:
    path = tree / "train/angry/Training_0.png"
    Image.fromarray(np.full((48, 48), 40_000, np.uint16)).save(path)
    assert refused(tree) == f"{path}: image of more than 8 bits a channel; save it as 8-bit grey or RGB"


def test_unknown_emotion_folder(tree: Path) -> None:
    (tree / "train/boredom").mkdir()
    expected = "angry, disgust, fear, happy, sad, surprise, neutral"
    assert fault(tree) == f"{tree / 'train/boredom'}: a folder of unknown emotion, expected {expected}"


def test_image_outside_an_emotion(tree: Path) -> None:
    (tree / "train/angry/Training_0.png").rename(tree / "train/Training_0.png")
    assert fault(tree) == f"{tree / 'train/Training_0.png'}: lies outside the emotions' folders"


def test_folder_inside_an_emotion(tree: Path) -> None:
    (tree / "train/angry/more").mkdir()
    assert fault(tree) == f"{tree / 'train/angry/more'}: not an image file"


def test_test_name_of_neither_kind(tree: Path) -> None:
    path = tree / "test/sad/face_1.png"
    Image.new("L", (48, 48)).save(path)
    assert refused(tree).startswith(f"{path}: named neither PublicTest_… nor PrivateTest_…")


def test_no_train_folder(tree: Path) -> None:
    (tree / "train").rename(tree / "elsewhere")
    with pytest.raises(EmorecError, match=r"not found, but .*elsewhere/ has faces; name it"):
        find_source(tree)
    with pytest.raises(EmorecError, match=r"no folder 'train'; expected train and test, or"):
        read_images(tree)


def test_too_few_faces_to_make_splits_of(tree: Path) -> None:
    (tree / "test").rename(tree / "elsewhere")
    assert fault(tree) == f"{tree}: no faces in split val (PublicTest)"


def test_empty_folders(tree: Path) -> None:
    (tree / "validation" / "sad").mkdir(parents=True)
    assert fault(tree) == f"{tree}: no faces in split val (PublicTest)"
    for path in tree.rglob("*.png"):
        path.unlink()
    assert fault(tree) == f"{tree}: no faces in split train (Training)"


# Carving, and cost


def test_carve_is_stratified_and_leaves_its_input() -> None:
    labels = np.repeat(np.arange(7), [30, 10, 9, 4, 25, 100, 1])
    split = np.zeros(len(labels), np.uint8)
    carved = carve(labels, split, (VAL, TEST))
    assert not split.any()
    assert np.bincount(labels[carved == VAL], minlength=7).tolist() == [3, 1, 1, 0, 3, 10, 0]
    assert np.bincount(labels[carved == TEST], minlength=7).tolist() == [3, 1, 0, 0, 2, 10, 0]
    np.testing.assert_array_equal(carve(labels, split, (VAL,)) == VAL, carved == VAL)


def test_a_large_table_needs_little_memory_and_time(tmp_path: Path) -> None:
    """A ninth of FER2013's size, 37 MB, in a fresh process: the whole must stay under 10 s and 1 GB."""
    path = tmp_path / "fer2013.csv"
    face = " ".join(str(i % 156 + 100) for i in range(2304))
    with open(path, "w") as file:
        file.write("emotion,pixels,Usage\n")
        for usage, count in zip(USAGES, (3200, 400, 400), strict=True):
            file.writelines(f"{i % 7},{face},{usage}\n" for i in range(count))
    code = (
        "import resource, sys, time; from pathlib import Path; from emorec.data.read import read_faces\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, start = peak(), time.process_time(); faces = read_faces(Path(sys.argv[1]))\n"
        "print(len(faces), time.process_time() - start, peak() - before)"
    )
    printed = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    count, seconds, kilobytes = printed.split()
    assert int(count) == 4000
    assert float(seconds) < 10 / 9
    assert int(kilobytes) < 1_000_000 / 9
