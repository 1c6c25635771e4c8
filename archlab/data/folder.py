"""Image files: which there are in a folder, one decoded, and a folder PART/CLASS as one array."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archlab.data.cache import kept
from archlab.errors import DataError
from archlab.files import check_is_file

_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif", ".ppm", ".pgm", ".tif", ".tiff")


def image_files(folder: Path) -> list[Path]:
    """Return the images in a folder and below it, in the order of torchvision's ImageFolder."""
    return [path for path in _files(folder) if _is_image(path)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def _files(folder: Path) -> list[Path]:
    """Return all files in a folder and below it; DataError where one of the folders is closed."""
    return [Path(place, name) for place, names in sorted(_walked(folder)) for name in sorted(names)]


def _walked(folder: Path) -> Iterator[tuple[str, list[str]]]:
    def refuse(error: OSError) -> NoReturn:
        raise DataError(f"{error.filename} cannot be read: {error.strerror}.") from error

    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        here = Path(place).resolve()
        # A link to a folder that it lies in would lead round and round.
        folders[:] = [name for name in folders if not here.is_relative_to((here / name).resolve())]
        yield place, names


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

    Images of a class lie in its folder or below it. `classes` are the names that labels 0, 1 …
    stand for; None takes the sub-folders in order, each of which must have an image. Images that
    are absent, cannot be read or differ in size are a DataError.
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
    by_class = {name: image_files(folder / name) for name in subfolders}
    paths = [path for files in by_class.values() for path in files]
    if not paths:
        raise DataError(
            f"{folder} has no images in sub-folders, one a class; looked for {', '.join(SUFFIXES)}."
        )
    empty = [name for name, files in by_class.items() if not files]
    if classes is None and empty:
        raise DataError(
            f"{folder} has folders without an image: {', '.join(empty[:5])}. Each folder is a "
            f"class; remove these, or put images in them ({', '.join(SUFFIXES)})."
        )
    names = classes or subfolders
    counts = [len(by_class.get(name, ())) for name in names]
    labels = np.repeat(np.arange(len(names), dtype=np.int64), counts)
    return kept(paths, _stacked), labels, names


def left_out(root: Path) -> str:
    """Return in words which files of train/ and test/ `read_folder` does not read; empty if none.

    Those are files that are no images, and images that lie in no class.
    """
    folders = [root / part for part in ("train", "test")]
    unread = [
        path
        for folder in folders
        for path in _files(folder)
        if path.parent == folder or not _is_image(path)
    ]
    if not unread:
        return ""
    kinds = Counter(path.suffix.lower() or path.name for path in unread)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common(5))
    more = f" and {len(kinds) - 5} other kinds" if len(kinds) > 5 else ""
    return (
        f"{root}: files that are not read: {len(unread)} ({counts}{more}; first {unread[0]}). "
        f"Images are read from train/CLASS, test/CLASS and below: {', '.join(SUFFIXES)}."
    )


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
                "have one size. Resize them first."
            )
        pixels[i] = image
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def _size(image: NDArray[np.uint8]) -> str:
    height, width, channels = image.shape
    return f"{channels}x{height}x{width}"
