"""The pixels of image folders, kept decoded: the runs of a sweep need the same ones.

An entry is a .npy file in the user's cache folder, named after what the image files were and a
checksum of what came of them. It is only ever a copy: one that is absent, damaged or cannot be
written costs time, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import PIL
from numpy.typing import NDArray

from archlab import files
from archlab.errors import ArchlabError
from archlab.lock import locked

Pixels = NDArray[np.uint8]
MOST_BYTES, MOST_ENTRIES = 2 * 2**30, 32  # of all entries
_LAYOUT = 1  # raise it when the same files would be kept as another array


def kept(paths: Sequence[Path], decode: Callable[[Sequence[Path]], Pixels]) -> Pixels:
    """Return what `decode` makes of image files, from the cache where it was made before.

    Files with other names, sizes or times are others. The array may be written to, and no entry
    changes by that.

    Raises:
        DataError: what `decode` raises.
    """
    try:
        folder, key = files.cache_folder() / "images", _key(paths)
    except OSError:  # no home, or an image that is gone
        return decode(paths)
    for entry in folder.glob(f"{key}-*.npy"):
        with suppress(Exception):  # whatever is wrong with it, the images are there
            return _read(entry)
        with suppress(OSError):
            entry.unlink()
    pixels = decode(paths)
    # Another process may be writing, and the folder may be another user's, or full.
    with suppress(OSError, ArchlabError):
        _write(folder, f"{key}-{_checksum(pixels)}.npy", pixels)
    return pixels


def _key(paths: Sequence[Path]) -> str:
    """Return what tells these files from others, and from themselves once they are changed."""
    digest = hashlib.sha256(f"{_LAYOUT} {PIL.__version__}".encode())
    for path in paths:
        state = path.stat()
        # The time at which an inode was changed, unlike that of its content, cannot be set.
        facts = (os.path.abspath(path), state.st_size, state.st_mtime_ns, state.st_ctime_ns)  # noqa: PTH100
        digest.update(repr(facts).encode())
    return digest.hexdigest()[:32]


def _checksum(pixels: Pixels) -> str:
    return f"{zlib.crc32(pixels.data, zlib.crc32(str(pixels.shape).encode())):08x}"


def _read(entry: Path) -> Pixels:
    """Return the array of an entry, read by the system as it is used; an error if damaged."""
    # "c": it may be written to, as one that was decoded. What is mapped is never unpickled.
    pixels: Pixels = np.asarray(np.lib.format.open_memmap(entry, mode="c"))
    if pixels.dtype != np.uint8 or _checksum(pixels) != entry.stem.rpartition("-")[2]:
        raise ValueError(f"{entry} is damaged")
    with suppress(OSError):
        os.utime(entry)  # others make room before it
    return pixels


def _write(folder: Path, name: str, pixels: Pixels) -> None:
    """Write an entry, and remove those that were not used for longest where they are too many."""
    with locked(folder):
        room = min(MOST_BYTES, shutil.disk_usage(folder).free // 2) - pixels.nbytes
        if room < 0:
            return
        entries = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
        for count, entry in enumerate(entries, start=2):
            room -= entry.stat().st_size
            if room < 0 or count > MOST_ENTRIES:
                entry.unlink()
        # To an open file: `save` would add a suffix to a name.
        with files.replaced(folder / name) as temporary, temporary.open("wb") as file:
            np.save(file, pixels, allow_pickle=False)
