"""One picture of a face, in whatever format and size, as 48×48 grey values."""

import struct
import warnings
import zlib
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from emorec import SIDE
from emorec.data.malformed import malformed, reading

FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "GIF", "PPM")  # not EPS: Pillow would run Ghostscript on it
# Endings by which image files are told from others in a folder; those of formats that are not read among them.
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pnm"}
SUFFIXES |= {".heic", ".heif", ".avif", ".jxl", ".jp2", ".psd", ".svg"}
# Formats that people have and that are not read: by what a file begins with, after so many bytes.
_NOT_READ = (
    (4, (b"ftypavif", b"ftypavis"), "AVIF"),
    (4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), "HEIC"),
    (0, (b"\xff\x0a", b"\0\0\0\x0cJXL "), "JPEG XL"),
    (0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"), "JPEG 2000"),
)
# Pillow's decoders let any of these through on a broken file.
_DECODING_ERRORS = (ArithmeticError, EOFError, LookupError, OSError, SyntaxError, TypeError, ValueError)
_MOST_PIXELS = 1 << 24  # of one image; a photograph has this many, a decompression bomb more
SCALE = "crop it to the face, or scale it down"


def read_image(path: Path) -> np.ndarray:
    """One image file as (48, 48) uint8, grey.

    Other sizes are resized (Lanczos, aspect ratio not kept), colours become luma (ITU-R 601), and what is transparent
    shows white behind it, as in a viewer. Raises EmorecError for one that can't be decoded, has more than 8 bits a
    channel, or more pixels than a photograph.
    """
    with reading(path), open(path, "rb") as file:
        return decode_image(file, path)


def decode_image(file: IO[bytes], path: Path, row: int | None = None) -> np.ndarray:
    """The same of an image file's content, which stands in `path` (at `row` where that is a table)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about odd metadata; the size is checked here
            with Image.open(file, formats=FORMATS) as image:
                if image.width * image.height > _MOST_PIXELS:  # known from the header, before anything is decoded
                    shown = f"image of {image.width}×{image.height} pixels, more than {_MOST_PIXELS:,}; {SCALE}"
                    raise malformed(path, shown, row)
                if image.mode.startswith(("I", "F")):
                    raise malformed(path, "image of more than 8 bits a channel; save it as 8-bit grey or RGB", row)
                grey = _opaque(ImageOps.exif_transpose(image)).convert("L")
                if grey.size != (SIDE, SIDE):
                    grey = grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
                return np.asarray(grey)
    except Image.DecompressionBombError:
        raise malformed(path, f"image of more than {_MOST_PIXELS:,} pixels; {SCALE}", row) from None
    except (*_DECODING_ERRORS, struct.error, zlib.error) as error:
        if isinstance(error, UnidentifiedImageError):
            raise malformed(path, f"unreadable image, {_unidentified(file)}", row) from None
        raise malformed(path, "unreadable image, damaged; replace it, or take it out", row) from None


def _opaque(image: Image.Image) -> Image.Image:
    """The image as it looks on white paper; what lies hidden under full transparency is not part of it."""
    if not image.has_transparency_data:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def _unidentified(file: IO[bytes]) -> str:
    """What a file that Pillow does not know may be, and what to do about it."""
    file.seek(0)
    head = file.read(64)
    for offset, beginnings, name in _NOT_READ:
        if head[offset:].startswith(beginnings):
            return f"in the format {name}, which is not read here; save it as PNG or JPEG"
    return "of no known format; replace it, or take it out"
