"""A folder of images, PART/CLASS/*.jpg, decoded into one array."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from archlab.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm")


def read_folder(
    root: Path, part: str, classes: tuple[str, ...] | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64], tuple[str, ...]]:
    """Return images (N, C, H, W), labels, and the class names of `root/part`.

    Args:
        root: the folder that holds `train` and `test`.
        part: train or test.
        classes: the names that label 0, 1 …; None takes the sub-folders in order.

    Raises:
        DataError: no such folder, no images, an image that cannot be read or differs in size.
    """
    folder = root / part
    if not folder.is_dir():
        there = ", ".join(sorted(item.name for item in root.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{root} has no folder {part}/ (it holds: {there}). A folder of images has "
            "train/CLASS/*.png and test/CLASS/*.png."
        )
    found = tuple(sorted(item.name for item in folder.iterdir() if item.is_dir()))
    if classes is not None and set(found) - set(classes):
        extra = ", ".join(sorted(set(found) - set(classes))[:5])
        raise DataError(f"{folder} has classes that train/ has not: {extra}.")
    names = classes or found
    files = [(path, label) for label, name in enumerate(names) for path in _images(folder / name)]
    if not files:
        raise DataError(
            f"{folder} has no images in sub-folders, one a class; looked for {', '.join(SUFFIXES)}."
        )
    first = _decoded(files[0][0])
    pixels = np.empty((len(files), *first.shape), np.uint8)
    for i, (path, _) in enumerate(files):
        image = _decoded(path)
        if image.shape != first.shape:
            raise DataError(
                f"{path} is {_size(image)}, and {files[0][0]} is {_size(first)}: all images must "
                "have one size. Resize them first, or use loader='workers'."
            )
        pixels[i] = image
    labels = np.array([label for _, label in files], np.int64)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels, names


def _images(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _decoded(path: Path) -> NDArray[np.uint8]:
    try:
        with Image.open(path) as image:
            grey = image.mode in ("1", "L", "I;16")
            array = np.asarray(image.convert("L" if grey else "RGB"))
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from error
    return array[..., None] if array.ndim == 2 else array


def _size(image: NDArray[np.uint8]) -> str:
    height, width, channels = image.shape
    return f"{channels}x{height}x{width}"
