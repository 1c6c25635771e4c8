"""Image files: which there are in a folder, one decoded, and a folder PART/CLASS as one array."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archlab.data.cache import kept
from archlab.errors import DataError, keyword
from archlab.files import check_is_file

_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm")


def image_files(folder: Path, *, below: bool = False) -> list[Path]:
    """Return the images of a folder in the order of their names, also `below` it if asked."""
    paths = folder.rglob("*") if below else folder.glob("*")
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES)


def decoded(
    path: Path, mode: str | None = None, size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Return the pixels of an image (height, width, channels), or raise a DataError.

    Pillow's `mode` is "L" (grey) or "RGB"; None keeps a grey image grey. `size` is the width and
    height that the image is resized to.
    """
    try:
        check_is_file(path)
        with warnings.catch_warnings(), Image.open(path) as image:
            # A small file may hold a picture that takes all memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            grey = image.mode in ("1", "L", "I;16")
            converted = image.convert(mode or ("L" if grey else "RGB"))
            array = np.asarray(converted.resize(size) if size else converted)
    # Pillow reports a broken PNG as SyntaxError, and other files as ValueError.
    except (OSError, SyntaxError, ValueError, *_BOMBS) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from error
    return array[..., None] if array.ndim == 2 else array


def read_folder(
    root: Path, part: str, classes: tuple[str, ...] | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """Return images (N, C, H, W), labels, and the class names of `root/part`, train or test.

    `classes` are the names that labels 0, 1 … stand for; None takes the sub-folders in order.
    Images that are absent, cannot be read or differ in size are a DataError.
    """
    folder = root / part
    if not folder.is_dir():
        content = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{root} has no folder {part}/ (it holds: {content}). A folder of images has "
            "train/CLASS/*.png and test/CLASS/*.png."
        )
    subfolders = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
    if classes is not None and (extra := sorted(set(subfolders) - set(classes))):
        raise DataError(f"{folder} has classes that train/ has not: {', '.join(extra[:5])}.")
    names = classes or subfolders
    by_class = [image_files(folder / name) for name in names]
    paths = [path for files in by_class for path in files]
    if not paths:
        raise DataError(
            f"{folder} has no images in sub-folders, one a class; looked for {', '.join(SUFFIXES)}."
        )
    labels = np.repeat(np.arange(len(names), dtype=np.int64), [len(files) for files in by_class])
    return kept(paths, _stacked), labels, names


def _stacked(paths: Sequence[Path]) -> NDArray[np.uint8]:
    """Return images of one size as one array (N, channels, height, width)."""
    first = decoded(paths[0])
    # Filled image by image: np.stack would hold all of them twice.
    pixels = np.empty((len(paths), *first.shape), np.uint8)
    for i, path in enumerate(paths):
        image = decoded(path)
        if image.shape != first.shape:
            raise DataError(
                f"{path} is {_size(image)}, and {paths[0]} is {_size(first)}: all images must "
                f"have one size. Resize them first, or use {keyword('loader', 'workers')}."
            )
        pixels[i] = image
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _size(image: NDArray[np.uint8]) -> str:
    height, width, channels = image.shape
    return f"{channels}x{height}x{width}"
