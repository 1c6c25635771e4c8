"""Jobs for tests: they wait for files instead of the clock, and leave lines in a file."""

import os
import time
from collections import Counter
from pathlib import Path


def notes(folder: str | Path) -> Counter[str]:
    """Return the lines that jobs have left."""
    path = Path(folder, "notes")
    return Counter(path.read_text().splitlines() if path.exists() else ())


def note(folder: str | Path, line: str) -> None:
    with Path(folder, "notes").open("a") as file:
        file.write(line + "\n")


def wait_for(path: str) -> str:
    """End when a file is there."""
    while not Path(path).exists():
        time.sleep(0.02)
    return "it is there"


def one_of_many(folder: str, key: str) -> str:
    """End at once as the first job of a node; wait as its second.

    The second node's never ends: the node must be lost. The first node goes on when it is.
    """
    node = os.environ["NODE"]
    note(folder, f"begin {key}")
    if notes(folder)[f"ended on {node}"]:
        note(folder, f"held on {node} {key}")
        wait_for(f"{folder}/{node} goes on")
    note(folder, f"end {key}")
    note(folder, f"ended on {node}")
    return f"did {key}"


def on_gpu(folder: str, key: str) -> tuple[str, int]:
    """Return the GPUs that a job may see, and how many jobs run beside it, itself counted."""
    note(folder, "begin")
    while notes(folder)["begin"] < 2:  # two run at a time, or the test never ends
        time.sleep(0.02)
    time.sleep(0.5)  # time for more than two to begin, if they can
    lines = notes(folder)
    note(folder, "end")
    return os.environ.get("CUDA_VISIBLE_DEVICES", "none"), lines["begin"] - lines["end"]


def saves_when_interrupted(folder: str) -> None:
    try:
        Path(folder, "began").touch()
        while True:
            time.sleep(0.05)
    except KeyboardInterrupt:
        Path(folder, "saved").touch()
        raise


def eat(mebibytes: int) -> int:
    content = bytearray(mebibytes * 2**20)
    content[::4096] = b"x" * len(content[::4096])
    time.sleep(3600)
    return len(content)


def grow(mebibytes: int, kept: list[bytearray] = []) -> int:  # noqa: B006  a leak on purpose
    kept.append(bytearray(b"x") * (mebibytes * 2**20))
    return os.getpid()


def empty_error() -> None:
    raise RuntimeError


def closure() -> object:
    return lambda: 3


def dies_once(folder: str) -> str:
    mark = Path(folder, "died")
    if not mark.exists():
        mark.touch()
        os.abort()
    return "lived"
