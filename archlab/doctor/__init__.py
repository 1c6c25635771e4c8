"""Examines this machine for archlab: packages, GPU, fonts, images, memory and disk.

It has to work where something is broken, so nothing here imports torch, numpy or matplotlib:
packages are imported in a child process, which may die of it.
"""

from __future__ import annotations

from pathlib import Path

from archlab.doctor import machine, packages
from archlab.doctor.finding import Finding
from archlab.result import Listing, columns

__all__ = ["Finding", "broken", "examine"]


def examine(data_dir: str | Path = ".data") -> Listing[Finding]:
    """Return what is installed, what is missing, what that is for and how to get it.

    The official images are looked for in `data_dir`.

    Example:
        >>> findings = {finding.name: finding for finding in examine().rows}
        >>> findings["archlab"].state, findings["torch"].required
        ('ok', True)
    """
    rows = (
        *packages.pythons(),
        *packages.packages(),
        *machine.fonts(),
        *machine.images(Path(data_dir)),
        *machine.room(),
    )
    faults = broken(rows)
    all_well = "All that archlab needs is in order."
    verdict = f"Not in order: {', '.join(faults)}." if faults else all_well
    return Listing(
        name="doctor",
        rows=rows,
        columns=columns(Finding),
        footer=(*(row.sentence() for row in rows if row.state != "ok"), verdict),
        extra=(("status", "broken" if faults else "ok"), ("broken", faults)),
    )


def broken(rows: tuple[Finding, ...]) -> list[str]:
    """Return the names of the required things that are not in order."""
    return [row.name for row in rows if row.required and row.state != "ok"]
