"""`archlab doctor`."""

from __future__ import annotations

import typer

from archlab.cli.output import Output
from archlab.cli.running import DATA_DIR, DataDir


def doctor(output: Output, data_dir: DataDir = DATA_DIR) -> None:
    """What is installed, what is missing, and how to get it.

    Works where torch is missing or broken. Exit 1 where something required is not in order.

    Example: archlab doctor --format json
    """
    from archlab.doctor import broken, examine

    answer = examine(data_dir)
    output.show(answer)
    # What is optional may be missing: that is no fault of an installation.
    if broken(answer.rows):
        raise typer.Exit(1)
