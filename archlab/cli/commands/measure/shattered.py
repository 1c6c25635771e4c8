"""`archlab shattered`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.measuring import NORMS, whole_numbers
from archlab.cli.options import listed
from archlab.cli.output import Output, Plot, Sort
from archlab.errors import OptionError


def shattered(
    plot: Plot,
    output: Output,
    depths: Annotated[str, typer.Option(help="Hidden layers: 2,24,50.")] = "2,24,50",
    scales: Annotated[
        str, typer.Option(help="Factors of the residual branch: 1.0,0.1.")
    ] = "1.0,0.1",
    norm: Annotated[str, typer.Option(help=f"{listed((*NORMS, 'both'))}.")] = "batch",
    width: Annotated[int, typer.Option(min=1, help="Units a layer.")] = 200,
    seeds: Annotated[int, typer.Option(min=1, help="How many draws of weights.")] = 10,
    sort: Sort = None,
) -> None:
    """How alike the gradients of neighbouring inputs are.

    After Balduzzi et al. 2017, on their family of fully connected nets of one input.

    Example: archlab shattered --depths 2,24 --seeds 2 --width 50
    """
    numbers, factors = whole_numbers("depths", depths), _factors(scales)
    from archlab.api.live import pictures, probes

    answer = probes.shattered(depths=numbers, scales=factors, norm=norm, width=width, seeds=seeds)
    plot.save(lambda: pictures.plot_by_depth(answer))
    output.show(answer, sort=sort)


def _factors(text: str) -> list[float]:
    try:
        factors = [float(part) for part in text.split(",")]
    except ValueError:
        factors = []
    # "nan" and "inf" are numbers to Python; a comparison with a NaN is false.
    if not factors or not all(0 < factor < float("inf") for factor in factors):
        raise OptionError(f"--scales {text!r}: positive numbers joined by commas, such as 1.0,0.1.")
    return factors
