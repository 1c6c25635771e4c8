"""`archlab compare MODEL MODEL …`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Loading, model_names
from archlab.cli.output import Output


def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL MODEL …", help="Two or more.", autocompletion=model_names),
    ],
    loading: Loading,
    output: Output,
) -> None:
    """Several models side by side; what differs is marked.

    Example: archlab compare resnet18 plain18
    """
    from archlab.api import cost

    output.show(cost.compare(*loading.load(*models)))
