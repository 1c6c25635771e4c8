"""`archlab doctor`."""

from __future__ import annotations

from pathlib import Path

import typer

from archlab.cli.options import DataDir, Format, Out
from archlab.cli.output import check_target, show


def doctor(data_dir: DataDir = Path(".data"), style: Format = None, out: Out = None) -> None:
    """What is installed, what is missing, and how to get it.

    Works where torch is missing or broken. Exit 1 where something required is not in order.

    Example: archlab doctor --format json
    """
    check_target(style, out)
    from archlab.doctor import broken, examine

    found = examine(data_dir)
    show(found, style=style, out=out)
    if broken(found.rows):
        raise typer.Exit(1)
