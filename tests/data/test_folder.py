"""A folder PART/CLASS of images as arrays, and what is wrong with bad ones."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archlab.data.folder import decoded
from archlab.data.sets import load_images
from archlab.errors import DataError


def test_a_folder(folder_of) -> None:
    images = load_images(str(folder_of("pets")))
    assert images.classes == ("cat", "dog")
    assert images.train_images.shape == (6, 3, 5, 6)
    assert images.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.train_images[:, 0, 0, 0].tolist() == [0, 1, 2, 40, 41, 42]
    assert images.test_labels.tolist() == [0, 0, 1, 1]


def test_grey_images_have_one_channel(folder_of) -> None:
    root = folder_of("pets")
    for path in root.rglob("*.png"):
        Image.fromarray(np.full((5, 6), 9, np.uint8)).save(path)
    assert load_images(str(root)).shape == (1, 5, 6)


def no_test(root: Path) -> None:
    shutil.rmtree(root / "test")


def corrupt(root: Path) -> None:
    (root / "train/dog/1.png").write_bytes(b"\x89PNG nothing")


def two_sizes(root: Path) -> None:
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(root / "train/dog/9.png")


def extra_class(root: Path) -> None:
    (root / "test/bird").mkdir()


def no_images(root: Path) -> None:
    for path in (root / "train").rglob("*.png"):
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (no_test, "has no folder test/"),
        (corrupt, "cannot be read as an image"),
        (two_sizes, "all images must have one size"),
        (extra_class, "classes that train/ has not: bird"),
        (no_images, "has no images in sub-folders"),
    ],
)
def test_bad_folders(spoil, expected, folder_of) -> None:
    root = folder_of("bad")
    spoil(root)
    with pytest.raises(DataError, match=expected):
        load_images(str(root))


def test_a_small_file_with_a_vast_picture(tmp_path) -> None:
    """A PNG of 60,000 x 60,000 pixels of one colour takes 437 kB, and 3.6 GB when it is decoded."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n"
    for name, content in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100)))):
        checksum = zlib.crc32(name + content)
        png += struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(DataError, match=r"cannot be read as an image: .*pixels"):
        decoded(tmp_path / "bomb.png")


def test_a_pipe_is_no_image(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(DataError, match="it is no file"):
        decoded(tmp_path / "pipe.png")
