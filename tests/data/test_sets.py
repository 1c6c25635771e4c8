"""Image sets: the embedded one, official archives, files, and what is wrong with bad ones."""

import importlib
import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from archlab.data.catalog import SETS, Archive
from archlab.data.embedded import make
from archlab.data.sets import load_images
from archlab.errors import DataError, spelled


def test_the_embedded_set() -> None:
    images = load_images("embedded")
    for pixels, labels in (
        (images.train_images, images.train_labels),
        (images.test_images, images.test_labels),
    ):
        assert pixels.shape == (2000, 1, 16, 16)
        assert np.bincount(labels).tolist() == [200] * 10
        assert not pixels[:, :, 0].any()  # the border
    assert Path(make.__file__).with_name("fashion16.npz").stat().st_size < 800_000
    assert "Zalando" in Path(make.__file__).with_name("LICENSE").read_text()


def test_the_fingerprint_is_of_the_content(folder_of, tmp_path) -> None:
    one = load_images(str(folder_of("one")))
    same = load_images(str(folder_of("same")))
    Image.fromarray(np.full((5, 6, 3), 9, np.uint8)).save(tmp_path / "same/train/cat/0.png")
    other = load_images(str(tmp_path / "same"))
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_the_original_archive_is_recognised_but_checked(tmp_path) -> None:
    batches = tmp_path / "cifar-10-batches-py"
    batches.mkdir()
    (batches / "data_batch_1").write_bytes(pickle.dumps({}))
    for source, where in (("cifar10", tmp_path), (str(tmp_path), Path(".data"))):
        with pytest.raises(DataError) as raised:
            load_images(source, where)
        message = str(raised.value)
        assert "is there but incomplete or corrupt" in message
        assert str(batches) in message


def test_torchvisions_arrays_become_channels_first() -> None:
    from archlab.data.sets import _arrays

    cifar = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    pixels, labels = _arrays(SimpleNamespace(data=cifar, targets=[5, 1]))
    assert pixels.shape == (2, 3, 3, 4)
    assert pixels[1, 2, 0, 3] == cifar[1, 0, 3, 2]
    assert (labels.dtype, labels.tolist()) == (np.int64, [5, 1])
    grey, _ = _arrays(SimpleNamespace(data=cifar[..., 0], targets=[0, 0]))
    assert grey.shape == (2, 1, 3, 4)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_whose_channels_come_last_are_refused(tmp_path, channels) -> None:
    """A net of 32 channels would be built for pictures of 32 rows."""
    pixels = np.zeros((6, 32, 32, channels), np.uint8)
    labels = np.arange(6) % 2
    path = tmp_path / "last.npz"
    np.savez(path, train_images=pixels, train_labels=labels, test_images=pixels, test_labels=labels)
    with pytest.raises(DataError, match=r"is \(N, height, width, channels\).*transpose"):
        load_images(str(path))


class Written:
    """A reader of another library: two images in each part."""

    def __init__(self, data_dir: Path, *, train: bool, download: bool) -> None:
        assert (data_dir / "here").is_dir() or download
        self.data, self.targets = np.full((2, 4, 4), 7 + train, np.uint8), [0, 1]
        self.classes = ["a", "b"]


def test_a_set_is_added_by_one_line(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(importlib, "import_module", lambda _: SimpleNamespace(Written=Written))
    monkeypatch.setitem(SETS, "new", Archive("New", "library:Written", "here"))
    (tmp_path / "here").mkdir()
    for source, place in (("new", tmp_path), (str(tmp_path), Path(".data"))):
        images = load_images(source, place)
        assert (images.name, images.classes, images.shape) == ("New", ("a", "b"), (1, 4, 4))
        assert (images.train_images[0, 0, 0, 0], images.test_images[0, 0, 0, 0]) == (8, 7)


def test_absent_data_says_where_it_looked_and_how_to_get_it(tmp_path) -> None:
    with pytest.raises(DataError) as raised:
        load_images("cifar10", tmp_path)
    place = str(tmp_path / "cifar-10-batches-py")
    for part in (place, "download=True", "data='embedded'"):
        assert part in str(raised.value)
    with pytest.raises(DataError) as raised, spelled(lambda name: f"--{name}"):
        load_images("cifar10", tmp_path)
    for part in (place, "--download;", "--data embedded"):
        assert part in str(raised.value)


def half_file(root: Path) -> str:
    root.mkdir()
    np.savez(root / "half.npz", train_images=np.zeros((1, 1, 4, 4), np.uint8))
    return str(root / "half.npz")


def no_file(root: Path) -> str:
    root.mkdir()
    (root / "no.npz").write_bytes(b"PK\x03\x04 truncated")
    return str(root / "no.npz")


def floats(root: Path) -> str:
    root.mkdir()
    parts = {f"{part}_{what}": np.zeros((2, 1, 4, 4)) if what == "images" else np.zeros(2, int)
             for part in ("train", "test") for what in ("images", "labels")}  # fmt: skip
    np.savez(root / "floats.npz", **parts)
    return str(root / "floats.npz")


@pytest.mark.parametrize(
    ("make_bad", "expected"),
    [
        (half_file, "lacks an array"),
        (no_file, "is no readable .npz file"),
        (floats, "uint8 (N, channels, height, width) is wanted"),
    ],
)
def test_bad_data(make_bad, expected, tmp_path) -> None:
    source = make_bad(tmp_path / "bad")
    with pytest.raises(DataError) as raised:
        load_images(source)
    assert expected in str(raised.value)


def test_an_unknown_name() -> None:
    with pytest.raises(DataError, match="Did you mean cifar10"):
        load_images("cifar-10")


def archive(path, **arrays):
    images = np.zeros((4, 1, 8, 8), np.uint8)
    numbers = np.array([0, 1, 2, 3])
    content = {"train_images": images, "train_labels": numbers, "test_images": images,
               "test_labels": numbers, **arrays}  # fmt: skip
    np.savez(path, **content)
    return str(path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 999_999_999], "the largest label is 999999999, and there are 4 training"),
        ([0, 1, 2, np.nan], "a label is no whole number"),
        ([0, 1, 2, 2.5], "a label is no whole number"),
        (["a", "b", "c", "d"], "numbers are wanted"),
        (3, "numbers are wanted"),
        ([[0, 1], [2, 3]], "numbers are wanted"),
    ],
)
def test_labels_that_are_none(tmp_path, labels, message) -> None:
    with pytest.raises(DataError, match=message):
        load_images(archive(tmp_path / "a.npz", train_labels=np.array(labels)))


def test_classes_may_be_named_without_images_of_each(tmp_path) -> None:
    names = np.array([f"class {i}" for i in range(10)])
    images = load_images(archive(tmp_path / "a.npz", classes=names))
    assert len(images.classes) == 10
    with pytest.raises(DataError, match="no list of names"):
        load_images(archive(tmp_path / "b.npz", classes=np.arange(4)))


def test_an_archive_larger_than_the_memory_is_not_unpacked(tmp_path, monkeypatch) -> None:
    path = archive(tmp_path / "a.npz")
    free = SimpleNamespace(available=1000)
    monkeypatch.setattr("archlab.data.sets.psutil.virtual_memory", lambda: free)
    with pytest.raises(DataError, match=r"its arrays take .* and 1000 B are free"):
        load_images(path)
