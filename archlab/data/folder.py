"""Image files: which there are in a folder, one decoded, and a folder PART/CLASS as one array."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from archlab.errors import DataError, keyword

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm")


def image_files(folder: Path, *, below: bool = False) -> list[Path]:
    """Return the images of a folder in the order of their names, also `below` it if asked."""
    paths = folder.rglob("*") if below else folder.glob("*")
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES)


def decoded(
    path: Path, mode: str | None = None, size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Return the pixels of an image (height, width, channels).

    Args:
        path: the image.
        mode: Pillow's "L" (grey) or "RGB"; None keeps a grey image grey.
        size: width and height that it is resized to; None keeps them.

    Raises:
        DataError: the file cannot be read as an image.
    """
    try:
        with Image.open(path) as image:
            grey = image.mode in ("1", "L", "I;16")
            converted = image.convert(mode or ("L" if grey else "RGB"))
            array = np.asarray(converted.resize(size) if size else converted)
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise DataError(f"{path} cannot be read as an image: {error}") from error
    return array[..., None] if array.ndim == 2 else array


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
        content = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{root} has no folder {part}/ (it holds: {content}). A folder of images has "
            "train/CLASS/*.png and test/CLASS/*.png."
        )
    subfolders = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
    if classes is not None and (extra := sorted(set(subfolders) - set(classes))):
        raise DataError(f"{folder} has classes that train/ has not: {', '.join(extra[:5])}.")
    names = classes or subfolders
    files = [(path, label) for label, name in enumerate(names)
             for path in image_files(folder / name)]  # fmt: skip
    if not files:
        raise DataError(
            f"{folder} has no images in sub-folders, one a class; looked for {', '.join(SUFFIXES)}."
        )
    labels = np.array([label for _, label in files], np.int64)
    pixels = _stacked([path for path, _ in files])
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels, names


def _stacked(paths: list[Path]) -> NDArray[np.uint8]:
    """Return images of one size as one array (N, height, width, channels)."""
    first = decoded(paths[0])
    pixels = np.empty((len(paths), *first.shape), np.uint8)
    for i, path in enumerate(paths):
        image = decoded(path)
        if image.shape != first.shape:
            raise DataError(
                f"{path} is {_size(image)}, and {paths[0]} is {_size(first)}: all images must "
                f"have one size. Resize them first, or use {keyword('loader', 'workers')}."
            )
        pixels[i] = image
    return pixels


def _size(image: NDArray[np.uint8]) -> str:
    height, width, channels = image.shape
    return f"{channels}x{height}x{width}"
