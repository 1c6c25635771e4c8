"""What this machine has for archlab: packages, GPU, Graphviz, fonts, images, room.

For the day on which something is broken: nothing here imports torch, numpy or matplotlib. Packages
are imported in a child process, which may die of it.
"""

from __future__ import annotations

from pathlib import Path

from archlab.doctor import machine, packages
from archlab.doctor.finding import COLUMNS, Finding
from archlab.result import Listing

__all__ = ["Finding", "broken", "examine"]


def examine(data_dir: str | Path = ".data") -> Listing[Finding]:
    """Return what was found, what is missing, what each missing thing is for and how to get it.

    Args:
        data_dir: where the official images are looked for.

    Example:
        >>> found = {item.name: item for item in examine().rows}
        >>> found["archlab"].state, found["torch"].required
        ('ok', True)
    """
    rows = (
        *packages.pythons(),
        *packages.packages(),
        *machine.drawing(),
        *machine.fonts(),
        *machine.images(Path(data_dir)),
        *machine.room(),
    )
    bad = broken(rows)
    verdict = f"Not in order: {', '.join(bad)}." if bad else "All that archlab needs is in order."
    return Listing(
        name="doctor",
        rows=rows,
        columns=COLUMNS,
        footer=(*(row.sentence() for row in rows if row.state != "ok"), verdict),
        extra=(("status", "broken" if bad else "ok"), ("broken", bad)),
    )


def broken(rows: tuple[Finding, ...]) -> list[str]:
    """Return the names of what is required and not in order."""
    return [row.name for row in rows if row.required and row.state != "ok"]
