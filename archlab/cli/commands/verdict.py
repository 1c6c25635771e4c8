"""`archlab verdict FOLDER`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import Format, Out
from archlab.cli.output import check_target, show


def verdict(
    folder: Annotated[Path, typer.Argument(help="The folder of a sweep.")],
    style: Format = None,
    out: Out = None,
) -> None:
    """The verdict on a finished sweep, from its files alone.

    Example: archlab verdict runs/degradation-demo
    """
    check_target(style, out)
    from archlab.api.training import degradation as training

    show(training.verdict(folder), style=style, out=out)
