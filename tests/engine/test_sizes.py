"""How many workers a machine holds, by cores and by memory."""

import os
from types import SimpleNamespace

from archlab.engine import sizes


def test_workers_by_cores_and_memory(monkeypatch) -> None:
    monkeypatch.setattr(sizes, "cores", lambda: 8)
    monkeypatch.setattr(sizes.psutil, "virtual_memory", lambda: SimpleNamespace(available=999))
    assert sizes.workers(None) == 8
    assert sizes.workers(333) == 3
    assert sizes.workers(334) == 2
    assert sizes.workers(100_000) == 1
    assert sizes.workers(999, asked=5) == 5


def test_memory_of_a_process() -> None:
    assert sizes.resident(os.getpid()) > 2**20
    assert sizes.resident(2**22 + 1) == 0  # above the largest number that Linux gives
