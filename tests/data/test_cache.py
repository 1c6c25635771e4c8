"""Decoded image folders: read again without decoding, and never trusted more than the images."""

import multiprocessing
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archlab.data import cache as caching
from archlab.data.sets import ImageSet, load_images
from archlab.lock import locked


@pytest.fixture
def nothing_decodes(monkeypatch):
    """Let every decoding fail from now on."""

    def start() -> None:
        monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("an image was decoded"))

    return start


def equal(one: ImageSet, other: ImageSet) -> bool:
    return all(
        np.array_equal(getattr(one, part), getattr(other, part))
        for part in ("train_images", "train_labels", "test_images", "test_labels")
    )


def test_the_second_load_decodes_nothing(folder_of, cache, nothing_decodes) -> None:
    root = folder_of("pets")
    first = load_images(str(root))
    # What these images are, by their own formula, whichever way they are read.
    expected = [0, 1, 2, 40, 41, 42]
    assert first.train_images[:, 0, 0, 0].tolist() == expected
    assert len(list(cache.glob("*.npy"))) == 2
    nothing_decodes()
    second = load_images(str(root))
    assert equal(first, second)
    assert first.fingerprint == second.fingerprint == load_images(str(root)).fingerprint
    assert second.train_images.shape == (6, 3, 5, 6)


def test_an_array_from_the_cache_can_be_changed_and_the_entry_stays(folder_of) -> None:
    root = folder_of("pets")
    load_images(str(root))
    load_images(str(root)).train_images[:] = 7
    assert load_images(str(root)).train_images[:, 0, 0, 0].tolist() == [0, 1, 2, 40, 41, 42]


def test_a_changed_file_is_seen(folder_of) -> None:
    """Also where its name, size and time are those of before."""
    root = folder_of("pets")
    path = root / "train/dog/0.png"
    before = load_images(str(root))
    size, times = path.stat().st_size, (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    Image.fromarray(np.full((5, 6, 3), 43, np.uint8)).save(path)
    os.utime(path, ns=times)
    assert path.stat().st_size == size
    after = load_images(str(root))
    assert after.train_images[3, 0, 0, 0] == 43
    assert after.fingerprint != before.fingerprint
    path.unlink()
    assert len(load_images(str(root)).train_images) == 5


def test_a_copy_of_a_folder_is_another_one(folder_of) -> None:
    """Copies keep names, sizes and times, and may be changed afterwards."""
    root = folder_of("pets")
    load_images(str(root))
    copy = Path(shutil.copytree(root, root.with_name("copy")))
    Image.fromarray(np.full((5, 6, 3), 3, np.uint8)).save(copy / "train/cat/0.png")
    assert load_images(str(copy)).train_images[0, 0, 0, 0] == 3
    assert load_images(str(root)).train_images[0, 0, 0, 0] == 0


class Trap:
    """Unpickled, it would leave a file."""

    def __reduce__(self):
        return open, ("trapped", "w")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


def pickled(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def objects(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([Trap()], object), allow_pickle=True)


def zipped(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, pixels=np.zeros(3, np.uint8))


@pytest.mark.parametrize("damage", [cut, emptied, flipped, pickled, objects, zipped])
def test_a_damaged_entry_is_decoded_anew(
    folder_of, cache, nothing_decodes, tmp_path, monkeypatch, damage
) -> None:
    monkeypatch.chdir(tmp_path)
    root = folder_of("pets")
    first = load_images(str(root))
    for entry in cache.glob("*.npy"):
        damage(entry)
    assert equal(load_images(str(root)), first)
    assert not (tmp_path / "trapped").exists()
    nothing_decodes()
    assert equal(load_images(str(root)), first), "the entry was mended"


def test_a_cache_that_cannot_be_written_is_no_error(folder_of, tmp_path, monkeypatch) -> None:
    root = folder_of("pets")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(load_images(str(root)).train_images) == 6
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert len(load_images(str(root)).train_images) == 6


def test_an_entry_that_cannot_be_touched_is_read(folder_of, nothing_decodes, monkeypatch) -> None:
    root = folder_of("pets")
    first = load_images(str(root))

    def refuse(*_):
        raise PermissionError(13, "read-only")

    monkeypatch.setattr(caching.os, "utime", refuse)
    nothing_decodes()
    assert equal(load_images(str(root)), first)


def test_while_another_process_writes_nothing_is_kept(folder_of, cache) -> None:
    root = folder_of("pets")
    with locked(cache):
        assert len(load_images(str(root)).train_images) == 6
    assert not list(cache.glob("*.npy"))


def loaded(root: str) -> str:
    return load_images(root).fingerprint


def test_processes_at_the_same_time(folder_of, cache) -> None:
    root = folder_of("pets")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        prints = pool.map(loaded, [str(root)] * 6, chunksize=1)
    assert set(prints) == {load_images(str(root)).fingerprint}
    assert len(list(cache.glob("*.npy"))) == 2
    assert not list(cache.glob(".*partial"))


def test_the_entries_that_were_not_used_for_longest_make_room(
    folder_of, cache, monkeypatch
) -> None:
    """Three folders, and room for two, which are four entries."""
    monkeypatch.setattr(caching, "MOST_ENTRIES", 4)
    first, second, third = (str(folder_of(name)) for name in "abc")
    load_images(first)
    load_images(second)
    for entry in cache.glob("*.npy"):
        os.utime(entry, (1, 1))
    load_images(first)  # used again, so the second goes
    load_images(third)
    assert len(list(cache.glob("*.npy"))) == 4
    opened: list[object] = []
    decode = Image.open
    monkeypatch.setattr(Image, "open", lambda path: opened.append(path) or decode(path))
    load_images(first)
    assert opened == []
    load_images(second)
    assert len(opened) == 12  # of each part the first image twice: 6 + 1 and 4 + 1


def test_a_set_that_is_larger_than_the_cache_is_not_kept(folder_of, cache, monkeypatch) -> None:
    monkeypatch.setattr(caching, "MOST_BYTES", 100)
    load_images(str(folder_of("pets")))
    assert not list(cache.glob("*.npy"))
