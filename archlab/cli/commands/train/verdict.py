"""`archlab verdict FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.output import Output


def verdict(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of a sweep.")],
    output: Output,
) -> None:
    """The verdict on a finished sweep, from its files alone.

    Example: archlab verdict runs/degradation-demo
    """
    from archlab.api.training import degradation as training

    output.show(training.verdict(folder))
