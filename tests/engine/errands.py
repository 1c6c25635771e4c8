"""Jobs for tests: they leave a line in a file when they begin and when they end."""

import os
import time
from pathlib import Path


def note(folder: str, key: str, seconds: float) -> str:
    _write(folder, f"begin {key}")
    _write(folder, f"node {os.environ.get('NODE')} {key}")
    time.sleep(seconds)
    _write(folder, f"end {key}")
    return f"did {key}"


def on_gpu(seconds: float) -> tuple[str, float, float]:
    """The GPUs that a job may see, and when it began and ended."""
    began = time.time()
    time.sleep(seconds)
    return os.environ.get("CUDA_VISIBLE_DEVICES", "none"), began, time.time()


def _write(folder: str, line: str) -> None:
    with Path(folder, "notes").open("a") as file:
        file.write(line + "\n")


def saves_when_interrupted(folder: str) -> None:
    Path(folder, "began").touch()
    try:
        while True:
            time.sleep(0.05)
    except KeyboardInterrupt:
        Path(folder, "saved").touch()
        raise


def eat(mebibytes: int) -> int:
    held = bytearray(mebibytes * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    time.sleep(60)
    return len(held)


def grow(mebibytes: int, kept: list[bytearray] = []) -> int:  # noqa: B006  a leak on purpose
    kept.append(bytearray(b"x") * (mebibytes * 2**20))
    time.sleep(0.3)
    return os.getpid()


def closure() -> object:
    return lambda: 3


def dies_once(folder: str) -> str:
    mark = Path(folder, "died")
    if not mark.exists():
        mark.touch()
        os.abort()
    return "lived"
