"""Fewer processes that import torch, and memory that is freed early."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import platform
import re
import signal
import sys
import warnings
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

MUCH = 64 * 2**20  # bytes
LIBC = ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
_process = psutil.Process()
_least = sys.maxsize


def pytest_configure(config: pytest.Config) -> None:
    """Prepare this process, and all that tests start from it."""
    # Tests mean the CPU, whose sums are the same to the last bit, but for those that ask for a GPU.
    if not re.search(r"(?<!not )\bgpu\b", config.option.markexpr):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    # A shell ignores SIGINT in what it runs in the background, and every child inherits that. The
    # tests send SIGINT to commands that a user started in the foreground.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Let glibc give tensors of 4 MiB or more back to the system as soon as they are freed. It
    # raises its threshold for that (M_MMAP_THRESHOLD, see mallopt(3)) with every large block that
    # is freed, up to 32 MiB; in between, hundreds of MB of holes stay.
    if LIBC is not None:
        LIBC.mallopt(-3, 2**22)
        # Setting that sets the one for what is kept at the end of the heap (M_TRIM_THRESHOLD) to
        # 128 kB: the heap would shrink and grow with nearly every tensor.
        LIBC.mallopt(-1, 2**25)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what is imported and collected out of every search for garbage: it stays.

    There are millions of such objects, and looking at them took an eighth of the suite's time.
    """
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests come first: one of them at the end leaves the other worker idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    on_gpus = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpus:
        import torch  # here: most tests start without

        if not torch.cuda.is_available():
            for item in on_gpus:
                item.add_marker(pytest.mark.skip(reason="no CUDA device, or not asked for: -m gpu"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Collect cycles, such as a net and its weights, where a test has left much.

    The command line, which many tests run in this process, makes Python collect them seldom.
    """
    global _least  # noqa: PLW0603
    yield
    memory = _process.memory_info().rss
    if memory - MUCH > _least:
        gc.collect()
        if LIBC is not None:
            LIBC.malloc_trim(0)
        memory = _least = _process.memory_info().rss
    _least = min(_least, memory)


class Ended:
    """What a sweep asks of the process of a run, after the run."""

    def __init__(self, code: int) -> None:
        self.code = code

    def poll(self) -> int:
        return self.code

    def wait(self, _seconds: float = 0) -> int:
        return self.code


@pytest.fixture
def no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nets that archlab builds on the CPU have weights that are never written: they take no memory.

    For what depends on no value, in nets whose buffers hold none.
    """
    from archlab.resolve import build_on_meta

    monkeypatch.setattr(
        "archlab.api.model.build_real",
        lambda source, options, _seed: build_on_meta(source, options)[0].to_empty(device="cpu"),
    )


@pytest.fixture
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scans and sweeps measure and train in this process: a worker imports torch for seconds.

    So does `archlab doctor`, which imports every package in a child. For tests of what comes out;
    the children themselves are tested in tests/engine, tests/train and tests/doctor.
    """
    from archlab.doctor.imports import Imported
    from archlab.engine import Job, Outcome
    from archlab.engine.job import perform
    from archlab.errors import ArchlabError

    def run_local(jobs: Sequence[Job], **_: Any) -> Iterator[Outcome]:
        for job in jobs:
            yield perform(job)

    def start(folder: Path, model: str, gradients: int = 0, _card: str = "") -> tuple[Ended, Path]:
        from archlab.train.gradients import GradientProfiles
        from archlab.train.run import execute

        errors = folder / "stderr.txt"
        try:
            profiles = [GradientProfiles(folder, gradients)] if gradients else []
            execute(folder, trusted=model, extra=profiles)
        except ArchlabError as error:
            errors.write_text(f"{error}\n")
            return Ended(2), errors
        return Ended(0), errors

    def imported(names: Sequence[str]) -> Imported:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the packages' own
            for name in names:
                importlib.import_module(name)
        return Imported(dict.fromkeys(names, ""), cuda="", gpus=())

    monkeypatch.setattr("archlab.doctor.packages.imported", imported)
    monkeypatch.setattr("archlab.engine.local.run_local", run_local)
    monkeypatch.setattr("archlab.train.degradation.start", start)
    monkeypatch.setattr("archlab.train.device.cards", list)  # GPUs have processes of their own
    monkeypatch.setattr("archlab.train.degradation._POLL", 0.0)
