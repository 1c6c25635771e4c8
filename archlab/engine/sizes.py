"""How many workers this machine holds: by cores and by memory."""

from __future__ import annotations

import os

import psutil


def cores() -> int:
    """Return how many cores this process may use."""
    # A container or `taskset` may leave a process fewer cores than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(memory: int | None, asked: int | None = None) -> int:
    """Return how many workers run side by side: as asked, or one a core while the memory lasts.

    `memory` is how many bytes a worker may take; None is no limit.
    """
    if asked is not None:
        return max(1, asked)
    if memory is None:
        return cores()
    return max(1, min(cores(), psutil.virtual_memory().available // memory))


def resident(process: int) -> int:
    """Return the bytes of memory that a process holds now; 0 where it is gone."""
    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0
