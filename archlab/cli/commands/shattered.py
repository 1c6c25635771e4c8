"""`archlab shattered`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.measuring import Plot, whole_numbers
from archlab.cli.options import Format, Out, Sort
from archlab.cli.output import check_plot, check_target, show, show_plot
from archlab.errors import OptionError


def shattered(
    depths: Annotated[str, typer.Option("--depths", help="Hidden layers: 2,24,50.")] = "2,24,50",
    scales: Annotated[
        str, typer.Option("--scales", help="Factors of the residual branch: 1.0,0.1.")
    ] = "1.0,0.1",
    norm: Annotated[str, typer.Option("--norm", help="batch, none or both.")] = "batch",
    width: Annotated[int, typer.Option("--width", min=1, help="Units a layer.")] = 200,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Draws of weights.")] = 10,
    plot: Plot = None,
    style: Format = None,
    out: Out = None,
    sort: Sort = None,
) -> None:
    """How alike the gradients of neighbouring inputs are.

    After Balduzzi et al. 2017, on their family of fully connected nets of one input.

    Example: archlab shattered --depths 2,24 --seeds 2 --width 50
    """
    check_target(style, out)
    check_plot(plot)
    numbers, factors = whole_numbers("--depths", depths), _factors(scales)
    import archlab as api

    answer = api.shattered(depths=numbers, scales=factors, norm=norm, width=width, seeds=seeds)
    show_plot(answer, plot)
    show(answer, style=style, out=out, sort=sort)


def _factors(text: str) -> list[float]:
    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < factor < float("inf") for factor in found):
        raise OptionError(f"--scales {text!r}: positive numbers joined by commas, such as 1.0,0.1.")
    return found
