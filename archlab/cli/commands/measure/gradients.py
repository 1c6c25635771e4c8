"""`archlab gradients MODEL …`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.measuring import LOSSES, Layers, Measuring, whole_numbers
from archlab.cli.options import BLOCKS, ModelsArgument, listed
from archlab.cli.output import Output, Plot, Sort
from archlab.cli.progress import progress_shown


def gradients(
    models: ModelsArgument,
    measuring: Measuring,
    plot: Plot,
    output: Output,
    depths: Annotated[
        str | None, typer.Option(help="Zoo nets at these depths: 20,56,110.")
    ] = None,
    twin: Annotated[
        bool, typer.Option("--twin", help="Also each net with its shortcuts dropped.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            help=f"A row for each {listed(BLOCKS)}; a block is the net's repeated unit. "
            "Default: block."
        )
    ] = None,
    layers: Layers = None,
    loss: Annotated[
        str | None,
        typer.Option(help=f"{listed(LOSSES)}. Default: what fits the output.")
    ] = None,
    sort: Sort = None,
) -> None:  # fmt: skip
    """How gradients change with depth, beside theory.

    dL/da at the output of each block, dL/dW of its weights, and dL/dW ÷ W.

    Example: archlab gradients resnet20 plain20 --seeds 2 --batch 16
    """
    numbers = whole_numbers("depths", depths)
    from archlab.api.live import gradients as live, pictures
    from archlab.api.live.conditions import at_depths

    # Names get their depths before they are loaded: resnet56 at 20 is another net, resnet20.
    loaded = measuring.load(at_depths(models, numbers))
    with progress_shown() as progress:
        answer = live.gradients(
            *loaded, twin=twin, by=by, layers=layers or (), loss=loss, progress=progress,
            **measuring.conditions,
        )  # fmt: skip
    plot.save(lambda: pictures.plot_by_depth(answer))
    output.show(answer, sort=sort)
