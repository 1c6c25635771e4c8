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
from archlab.train.data import ImageData


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


def nested(root: Path) -> Path:
    """Move images of cats into folders below their class, some of them by a link."""
    (root / "train/cat/tabby/young").mkdir(parents=True)
    (root / "train/cat/1.png").rename(root / "train/cat/tabby/1.PNG")
    (root / "train/cat/2.png").rename(root / "train/cat/tabby/young/2.png")
    # Between them in the order of names; a link to where it lies in leads nowhere new.
    Image.fromarray(np.full((5, 6, 3), 7, np.uint8)).save(root / "elsewhere.tif")
    (root / "far").mkdir()
    (root / "elsewhere.tif").rename(root / "far/7.tif")
    (root / "train/cat/s").symlink_to(root / "far")
    return root


def test_folders_below_a_class_are_read_as_torchvision_reads_them(folder_of) -> None:
    """Order, labels and pixels are those of ImageFolder."""
    datasets = pytest.importorskip("torchvision.datasets")
    root = nested(folder_of("pets"))
    theirs = datasets.ImageFolder(str(root / "train"))
    images = load_images(str(root))
    assert len(theirs) == len(images.train_labels) == 7
    assert images.classes == tuple(theirs.classes)
    assert images.train_labels.tolist() == theirs.targets
    for ours, (picture, _) in zip(images.train_images, theirs, strict=True):
        assert np.array_equal(ours.transpose(1, 2, 0), np.asarray(picture))
    assert images.left_out == ""


def test_a_link_round_and_round_is_followed_once(folder_of) -> None:
    root = folder_of("pets")
    (root / "train/cat/again").symlink_to(root / "train/cat")
    assert load_images(str(root)).train_labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_what_is_not_read_is_counted(folder_of) -> None:
    root = nested(folder_of("pets"))
    for name in ("train/cat/tabby/a.txt", "train/b.txt", "test/dog/c.psd", "test/0.png"):
        (root / name).write_bytes(b"")
    unread = load_images(str(root)).left_out
    assert "files that are not read: 4 (2 .txt, 1 .png, 1 .psd" in unread
    assert "first" in unread
    data = ImageData(str(root))
    with pytest.warns(UserWarning, match=r"not read: 4"):
        assert data.images.left_out == unread


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


def empty_class(root: Path) -> None:
    (root / "train/.ipynb_checkpoints").mkdir()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (no_test, "has no folder test/"),
        (corrupt, "cannot be read as an image"),
        (two_sizes, "all images must have one size"),
        (extra_class, "classes that train/ has not: bird"),
        (no_images, "has no images in sub-folders"),
        (empty_class, r"folders without an image: \.ipynb_checkpoints\."),
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


def test_a_folder_that_cannot_be_opened_is_named(folder_of, monkeypatch) -> None:
    root = folder_of("pets")
    (root / "train/cat/closed").mkdir()
    scan = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match="closed cannot be read: Permission denied"):
        load_images(str(root))
