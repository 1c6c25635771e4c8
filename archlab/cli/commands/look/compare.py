"""`archlab compare MODEL MODEL …`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Loading, model_names
from archlab.cli.output import Output
from archlab.errors import OptionError


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL MODEL …",
            help="Two or more; two with --diff.",
            autocompletion=model_names,
        ),
    ],
    loading: Loading,
    output: Output,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="List the modules that the second adds, lacks and changes."),
    ] = False,
) -> None:
    """Several models side by side; what differs is marked.

    Example: archlab compare resnet18 plain18
    """
    if diff and len(models) != 2:
        raise OptionError(f"MODEL: {len(models)} given; --diff takes two.")
    from archlab.api import cost

    loaded = loading.load(*models)
    output.show(cost.diff(*loaded) if diff else cost.compare(*loaded))
