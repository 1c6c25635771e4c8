"""A worker's memory stays small: what a test leaves behind is freed once it is much."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator

import psutil
import pytest

MUCH = 64 * 2**20  # bytes
_process = psutil.Process()
_least = sys.maxsize


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Collect what a test leaves, where memory has grown by much.

    The command line, which many tests run in this process, makes Python collect cycles seldom: a
    net with its weights is one. Freed memory returns to the system when glibc is told to.
    """
    global _least  # noqa: PLW0603
    yield
    memory = _process.memory_info().rss
    if memory - MUCH > _least:
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        _least = memory = _process.memory_info().rss
    _least = min(_least, memory)
