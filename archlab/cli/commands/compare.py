"""`archlab compare MODEL MODEL …`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Batch, Format, Input, Out, Set, model_names
from archlab.cli.output import announced, check_target, how_to_load, show


def compare(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL MODEL …", help="Two or more.", autocompletion=model_names),
    ],
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    style: Format = None,
    out: Out = None,
) -> None:
    """Several models side by side; what differs is marked.

    Example: archlab compare resnet18 plain18 --set layout=imagenet
    """
    check_target(style, out)
    import archlab as api

    how = how_to_load(input, batch, set_)
    loaded = [announced(api.Model(model, **how)) for model in models]
    show(api.compare(*loaded), style=style, out=out)
