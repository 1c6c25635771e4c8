"""`archlab memory MODEL`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Batch, Depth, Format, Input, ModelArgument, Out, Set, Sort
from archlab.cli.output import announced, check_target, how_to_load, show


def memory(
    model: ModelArgument,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    optimizer: Annotated[
        str, typer.Option("--optimizer", help="sgd, momentum or adam: what training keeps.")
    ] = "adam",
    style: Format = None,
    out: Out = None,
    depth: Depth = None,
    sort: Sort = None,
) -> None:
    """Memory of inference and training, and where its peak is.

    Example: archlab memory torchvision:resnet18 --batch 32 --optimizer momentum
    """
    check_target(style, out)
    import archlab as api

    loaded = announced(api.Model(model, **how_to_load(input, batch, set_)))
    result = api.memory(loaded, optimizer=optimizer)
    show(result, style=style, out=out, depth=depth, sort=sort)
