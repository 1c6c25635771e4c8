"""How often a process of archlab's own looks for garbage."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Collect garbage seldom, for the rest of this process.

    Importing torch makes half a million objects, and a graph is many small ones: Python's default
    walks them again and again, which takes a sixth of a start, and frees next to nothing.
    """
    gc.set_threshold(100_000, 20, 20)
