"""Labelled images as uint8 arrays in memory, from the package, an archive, a folder or a file.

Nothing is downloaded unless asked. What a set is (`fingerprint`) goes into the identity of a run.
"""

from __future__ import annotations

import hashlib
import pickle
import pkgutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
from numpy.typing import NDArray

from archlab.data.catalog import EMBEDDED, NAMES, SETS, SOURCES
from archlab.data.folder import left_out, read_folder
from archlab.errors import DataError, did_you_mean, keyword
from archlab.result import size

Bytes = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class ImageSet:
    """Images (N, channels, height, width) and labels of both parts, and the names of classes.

    `left_out` says in words which files of a folder are not among them; empty if there are none.
    """

    name: str
    train_images: Bytes
    train_labels: Labels
    test_images: Bytes
    test_labels: Labels
    classes: tuple[str, ...]
    left_out: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        channels, height, width = self.train_images.shape[1:]
        return channels, height, width

    @property
    def fingerprint(self) -> str:
        """Twelve hexadecimal digits that differ where an image or a label does."""
        digest = hashlib.sha256()
        # With the shapes: the same bytes cut into other images are another set.
        for part in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(str(part.shape).encode())
            digest.update(np.ascontiguousarray(part).data)
        return digest.hexdigest()[:12]

    def tell(self, say: Callable[[str], None] | None = None) -> None:
        """Say which files were left out, if any were; without `say` that is a warning."""
        if self.left_out and say is not None:
            say(self.left_out)
        elif self.left_out:
            warnings.warn(self.left_out, stacklevel=3)


def load_images(
    source: str = "embedded", data_dir: Path = Path(".data"), *, download: bool = False
) -> ImageSet:
    """Return a set by name, folder or file.

    A `source` is a name of `archlab.data.catalog` (embedded, cifar10 …), a folder with train/CLASS
    and test/CLASS, or a .npz file. Official archives are, or go with `download`, in `data_dir`.

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
        # A folder may hold an unpacked archive of a set, where one with images by class was meant.
        unpacked = [name for name, archive in SETS.items() if (path / archive.folder).is_dir()]
        if unpacked and not (path / "train").is_dir():
            return _official(unpacked[0], path, download=False)
        images, labels, classes = read_folder(path, "train", None)
        test_images, test_labels, _ = read_folder(path, "test", classes)
        name, unread = f"image folder {path.name}", left_out(path)
        parts = (images, labels, test_images, test_labels, classes, unread)
        return checked(ImageSet(name, *parts), str(path))
    if path.suffix == ".npz" and path.is_file():
        return read_file(path, path.stem)
    raise DataError(
        f"{keyword('data', source)} is no known set, folder or .npz file."
        f"{did_you_mean(source, NAMES)} Allowed: {SOURCES}. {_without_data()}"
    )


def _without_data() -> str:
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

    An archive without these, or one in which they do not fit, is a DataError.
    """
    names = ("train_images", "train_labels", "test_images", "test_labels")
    try:
        with path.open("rb") as file, _archive(file) as arrays:
            _check_size(arrays.zip)
            train_images, train_labels, test_images, test_labels = (arrays[name] for name in names)
            classes = arrays["classes"].tolist() if "classes" in arrays else None
    except KeyError as error:
        raise DataError(
            f"{path} lacks an array: {error}. Wanted: train_images and test_images, uint8 "
            "(N, channels, height, width); train_labels and test_labels, whole numbers."
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile, EOFError, MemoryError) as error:
        raise DataError(f"{path} is no readable .npz file: {error}") from error
    train, test = (_whole(labels, str(path)) for labels in (train_labels, test_labels))
    if classes is None:
        classes = _numbered(train, str(path))
    elif not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise DataError(f"{path}: `classes` is no list of names, one text a class.")
    return checked(
        ImageSet(name, train_images, train, test_images, test, tuple(classes)), str(path)
    )


def _archive(file: IO[bytes]) -> Any:
    content = np.load(file)
    if isinstance(content, np.ndarray):
        raise ValueError("it holds one array, without a name")  # noqa: TRY004  as for other content
    return content


def _check_size(archive: zipfile.ZipFile) -> None:
    """Raise a MemoryError where what is compressed is larger than the memory that is free."""
    needed = sum(entry.file_size for entry in archive.infolist())
    free = psutil.virtual_memory().available
    if needed > free / 2:
        raise MemoryError(f"its arrays take {size(needed)}, and {size(free)} are free")


def _whole(labels: NDArray[Any], where: str) -> Labels:
    """Return labels as whole numbers; DataError where they are none."""
    numbers = np.asarray(labels)
    if numbers.dtype.kind not in "biuf" or numbers.ndim != 1 or not numbers.size:
        raise DataError(f"{where}: labels are {numbers.dtype} {numbers.shape}; numbers are wanted.")
    whole: Labels = np.asarray(np.nan_to_num(numbers), np.int64)
    if not np.array_equal(whole, numbers):
        raise DataError(f"{where}: a label is no whole number, such as {numbers.max()}.")
    return whole


def _numbered(labels: Labels, where: str) -> list[str]:
    """Return the names of classes that have none: their numbers, 0 to the largest label."""
    # A net gets an output for each: a slip in one label must not build a net of a billion.
    count = int(labels.max()) + 1
    if count > len(labels):
        raise DataError(
            f"{where}: the largest label is {count - 1}, and there are {len(labels)} training "
            "images. Labels count from 0; more classes than images can be named in an array "
            "`classes`."
        )
    return list(map(str, range(count)))


def checked(images: ImageSet, where: str) -> ImageSet:
    """Return the set; DataError unless images are uint8 (N, C, H, W) and every one has a label."""
    parts = {
        "train": (images.train_images, images.train_labels),
        "test": (images.test_images, images.test_labels),
    }
    for part, (pixels, labels) in parts.items():
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or not len(pixels):
            raise DataError(
                f"{where}: {part} images are {pixels.dtype} of shape {pixels.shape}; uint8 "
                "(N, channels, height, width) is wanted."
            )
        _, channels, _, last = pixels.shape
        if last in (1, 3, 4) and channels > 4:
            raise DataError(
                f"{where}: {part} images are of shape {pixels.shape}, which is (N, height, width, "
                "channels); (N, channels, height, width) is wanted: images.transpose(0, 3, 1, 2)."
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


def _official(source: str, data_dir: Path, *, download: bool) -> ImageSet:
    archive = SETS[source]
    # Imported here: torchvision takes 1.5 s, and most runs need none of it.
    reader = pkgutil.resolve_name(archive.reader)
    try:
        train, test = (reader(data_dir, train=part, download=download) for part in (True, False))
    except (RuntimeError, OSError, ValueError, EOFError, pickle.UnpicklingError) as error:
        place = data_dir / archive.folder
        state = "is there but incomplete or corrupt" if place.is_dir() else "is not"
        outcome = "could not be fetched" if download else f"{state} in {data_dir}"
        raise DataError(
            f"{archive.title} {outcome} (looked for {place}; {' '.join(str(error).split())}). "
            f"To fetch the official archive, train with {keyword('download', value=True)}; or put "
            f"it there, or give a folder of images with train/ and test/. {_without_data()}"
        ) from error
    return ImageSet(archive.title, *_arrays(train), *_arrays(test), tuple(train.classes))


def _arrays(part: Any) -> tuple[Bytes, Labels]:
    """Return images (N, C, H, W) and labels of a data set of torchvision's."""
    # CIFAR's arrays are channels last, MNIST's have no axis of channels.
    pixels = np.asarray(part.data, np.uint8)
    pixels = pixels[..., None] if pixels.ndim == 3 else pixels
    labels = np.asarray(part.targets, np.int64)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels
