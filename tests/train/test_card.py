"""Runs side by side in one process: each as it is alone, and one fewer where memory is short."""

import threading
from pathlib import Path

import pytest
import torch

from archlab.errors import NoMemoryError, RunError
from archlab.runs import record
from archlab.train import card
from archlab.train.build import build
from archlab.train.card import Card
from archlab.train.run import execute


def names(*letters: str) -> list[tuple[Path, str]]:
    return [(Path(letter), "net") for letter in letters]


def test_runs_in_threads_train_as_they_do_alone(planned, images, largest_difference) -> None:
    """The random stream that weights are drawn from is one for the whole process."""
    models = ("resnet8", "plain8", "resnet14", "plain14")
    alone = [planned(f"{model} alone", model=model) for model in models]
    beside = [planned(f"{model} beside", model=model) for model in models]
    for folder in alone:
        execute(folder, images=images)
    shared = Card(
        [(folder, "") for folder in beside],
        lambda folder, _: execute(folder, images=images),
        lambda: False,
    )
    shared.work(4)
    assert shared.errors == {}
    for one, other in zip(alone, beside, strict=True):
        assert record.read_outcome(other).status == "done"
        assert largest_difference(one, other) == 0.0


def test_weights_are_drawn_by_one_thread_at_a_time() -> None:
    expected = {seed: build("resnet8", {}, seed).conv1.weight for seed in range(8)}
    found: dict[int, list[bool]] = {seed: [] for seed in expected}

    def draw(seed: int) -> None:
        for _ in range(5):
            weight = build("resnet8", {}, seed).conv1.weight
            found[seed].append(torch.equal(weight, expected[seed]))

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(all(right) and len(right) == 5 for right in found.values())


class Memory:
    """A card with room for so many runs; a run ends when all that find room have begun."""

    def __init__(self, room: int) -> None:
        self.room, self.used, self.most, self.lock = room, 0, 0, threading.Lock()
        self.begun: list[str] = []
        self.full = threading.Event()

    def execute(self, folder: Path, model: str) -> None:
        with self.lock:
            self.begun.append(folder.name)
            if self.used == self.room:
                self.full.set()
                raise NoMemoryError("full")
            self.used += 1
            self.most = max(self.most, self.used)
        self.full.wait(10)
        with self.lock:
            self.used -= 1


@pytest.mark.parametrize("room", [1, 2])
def test_a_run_without_memory_waits_for_another_to_end(room) -> None:
    memory = Memory(room)
    shared = Card(names(*"abcde"), memory.execute, lambda: False)
    shared.work(3)
    assert shared.errors == {}
    assert memory.most == room
    assert sorted(set(memory.begun)) == list("abcde")


def test_a_run_that_is_too_large_alone_fails_alone() -> None:
    memory = Memory(room=0)
    shared = Card(names("a", "b"), memory.execute, lambda: False)
    shared.work(1)
    assert {folder.name: str(error) for folder, error in shared.errors.items()} == {
        "a": "full", "b": "full",
    }  # fmt: skip


def test_an_error_ends_one_run_and_is_kept_in_its_folder(tmp_path) -> None:
    def execute(folder: Path, model: str) -> None:
        if folder.name == "b":
            raise ValueError("of a net")
        if folder.name == "c":
            raise RunError("Said plainly.")

    folders = [(tmp_path / name, "net") for name in "abc"]
    for folder, _ in folders:
        folder.mkdir()
    shared = Card(folders, execute, lambda: False)
    shared.work(2)
    assert {folder.name for folder in shared.errors} == {"b", "c"}
    for folder, error in shared.errors.items():
        card.report(folder, error)
    assert "Traceback" in (tmp_path / "b" / record.ERRORS).read_text()
    assert (tmp_path / "b" / record.ERRORS).read_text().endswith("ValueError: of a net\n")
    assert (tmp_path / "c" / record.ERRORS).read_text() == "Said plainly.\n"
    assert not (tmp_path / "a" / record.ERRORS).exists()


def test_no_run_begins_after_a_stop() -> None:
    begun: list[str] = []
    shared = Card(
        names(*"abc"), lambda folder, _: begun.append(folder.name), lambda: len(begun) > 1
    )
    shared.work(1)
    assert begun == ["a", "b"]
