"""Labelled images as uint8 arrays in memory, from the package, an archive, a folder or a file.

Nothing is downloaded unless asked. What a set is (`fingerprint`) goes into the identity of a run.
"""

from __future__ import annotations

import hashlib
import importlib
import pickle
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archlab.data.catalog import EMBEDDED, NAMES, SETS, SOURCES
from archlab.data.folder import read_folder
from archlab.errors import DataError, did_you_mean, keyword

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ImageSet:
    """Images (N, channels, height, width) and labels of both parts, and the names of classes."""

    name: str
    train_images: Bytes
    train_labels: Labels
    test_images: Bytes
    test_labels: Labels
    classes: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that differ where an image or a label does."""
        digest = hashlib.sha256()
        for part in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(str(part.shape).encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:12]


def load_images(source: str = "embedded", data_dir: Path = Path(".data"), *,
                download: bool = False) -> ImageSet:  # fmt: skip
    """Return a set by name, folder or file.

    Args:
        source: a name of `archlab.data.catalog` (embedded, cifar10 …), a folder with train/CLASS
            and test/CLASS, or a .npz file.
        data_dir: where the official archives are, or go.
        download: fetch an official archive that is absent.

    Raises:
        DataError: the data is absent, incomplete or corrupt.

    Example:
        >>> images = load_images("embedded")
        >>> images.train_images.shape, len(images.classes)
        ((2000, 1, 16, 16), 10)
    """
    if source == "embedded":
        return read_file(EMBEDDED, "Fashion-MNIST subset, 16×16")
    if source in SETS:
        return _official(source, data_dir, download=download)
    path = Path(source)
    if path.is_dir():
        unpacked = [name for name, archive in SETS.items() if (path / archive.folder).is_dir()]
        if unpacked and not (path / "train").is_dir():
            return _official(unpacked[0], path, download=False)
        return _from_folder(path)
    if path.suffix == ".npz" and path.is_file():
        return read_file(path, path.stem)
    raise DataError(
        f"{keyword('data', source)} is no known set, folder or .npz file."
        f"{did_you_mean(source, NAMES)} Allowed: {SOURCES}. {_demo()}"
    )


def _demo() -> str:
    """Return what to do without data, for the end of a message."""
    return f"Without data, {keyword('data', 'embedded')} takes images inside the package."


def is_set(source: str) -> bool:
    """Whether this is the name of a set, or a .npz file.

    Example:
        >>> is_set("cifar10"), is_set("holiday/photos")
        (True, False)
    """
    return source in NAMES or source.endswith(".npz")


def located(source: str) -> str:
    """Return a folder or file by its whole path, so that a run finds it from anywhere."""
    return str(Path(source).absolute()) if Path(source).exists() else source


def read_file(path: Path, name: str) -> ImageSet:
    """Return the set in a .npz file (train_images, train_labels, test_images, test_labels).

    Raises:
        DataError: the file is no such archive, or an array is missing or does not fit.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            parts = [arrays[f"{part}_{what}"] for part in ("train", "test")
                     for what in ("images", "labels")]  # fmt: skip
            classes = arrays["classes"].tolist() if "classes" in arrays else None
    except KeyError as error:
        raise DataError(
            f"{path} lacks an array: {error}. Wanted: train_images and test_images, uint8 "
            "(N, channels, height, width); train_labels and test_labels, whole numbers."
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is no readable .npz file: {error}") from error
    images = ImageSet(
        name=name,
        train_images=parts[0],
        train_labels=parts[1].astype(np.int64),
        test_images=parts[2],
        test_labels=parts[3].astype(np.int64),
        classes=tuple(classes or map(str, range(int(parts[1].max()) + 1))),
    )
    return checked(images, str(path))


def checked(images: ImageSet, where: str) -> ImageSet:
    """Return the set if images are uint8 in four dimensions and every one has a label.

    Raises:
        DataError: they are not.
    """
    for part in ("train", "test"):
        pixels, labels = getattr(images, f"{part}_images"), getattr(images, f"{part}_labels")
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or not len(pixels):
            raise DataError(
                f"{where}: {part} images are {pixels.dtype} of shape {pixels.shape}; uint8 "
                "(N, channels, height, width) is wanted."
            )
        if labels.shape != (len(pixels),) or labels.min() < 0:
            raise DataError(f"{where}: {len(pixels)} {part} images have {labels.shape} labels.")
        if labels.max() >= len(images.classes):
            raise DataError(
                f"{where}: a {part} label is {labels.max()}, and there are "
                f"{len(images.classes)} classes."
            )
    if images.train_images.shape[1:] != images.test_images.shape[1:]:
        raise DataError(f"{where}: training and test images differ in size.")
    return images


def _from_folder(path: Path) -> ImageSet:
    train_images, train_labels, classes = read_folder(path, "train", None)
    test_images, test_labels, _ = read_folder(path, "test", classes)
    images = ImageSet(
        f"image folder {path.name}", train_images, train_labels, test_images, test_labels, classes
    )
    return checked(images, str(path))


def _official(source: str, data_dir: Path, *, download: bool) -> ImageSet:
    archive = SETS[source]
    module, _, name = archive.reader.partition(":")
    # Imported here: torchvision takes 1.5 s, and most runs need none of it.
    reader: Callable[..., Any] = getattr(importlib.import_module(module), name)
    try:
        train, test = (reader(data_dir, train=part, download=download) for part in (True, False))
    except (RuntimeError, OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
        place = data_dir / archive.folder
        state = "is there but incomplete or corrupt" if place.is_dir() else "is not"
        outcome = "could not be fetched" if download else f"{state} in {data_dir}"
        raise DataError(
            f"{archive.title} {outcome} (looked for {place}; {' '.join(str(error).split())}). "
            f"To fetch the official archive, train with {keyword('download', value=True)}; or put "
            f"it there, or give a folder of images with train/ and test/. {_demo()}"
        ) from error
    parts = [_pixels(part.data) for part in (train, test)]
    labels = [np.asarray(part.targets, np.int64) for part in (train, test)]
    return ImageSet(archive.title, parts[0], labels[0], parts[1], labels[1], tuple(train.classes))


def _pixels(data: Any) -> Bytes:
    """Return torchvision's arrays, channels last or without channels, as (N, C, H, W)."""
    array = np.asarray(data, np.uint8)
    array = array[..., None] if array.ndim == 3 else array
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
