"""`archlab memory MODEL`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Loading, ModelArgument, constant, listed
from archlab.cli.output import Output, Tree


def memory(
    model: ModelArgument,
    loading: Loading,
    output: Output,
    tree: Tree,
    optimizer: Annotated[
        str,
        typer.Option(
            help=f"{listed(constant('archlab.analyze.memory:OPTIMIZERS'))}: what training keeps."
        ),
    ] = "adam",
) -> None:
    """Memory of inference and training, and where its peak is.

    Example: archlab memory torchvision:resnet18 --batch 32 --optimizer momentum
    """
    from archlab.api import cost

    (loaded,) = loading.load(model)
    output.show(cost.memory(loaded, optimizer=optimizer), depth=tree.depth, sort=tree.sort)
