"""`archlab check MODEL`: a budget for CI."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Batch, Format, Input, ModelArgument, Out, Set
from archlab.cli.output import announced, check_target, how_to_load, show


def check(
    model: ModelArgument,
    max_params: Annotated[str | None, typer.Option(metavar="N", help="5M, 11.7M, 60000.")] = None,
    max_macs: Annotated[str | None, typer.Option(metavar="N", help="600M, 1.8G.")] = None,
    max_flops: Annotated[str | None, typer.Option(metavar="N", help="1.2G.")] = None,
    max_peak: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Peak of activations: 64MiB, 20MB.")
    ] = None,
    max_training: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Training memory (adam): 2GiB.")
    ] = None,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    style: Format = None,
    out: Out = None,
) -> None:
    """Hold a model against a budget, for CI.

    Exit 0 within it, 1 over it, or where something could not be counted.

    Example: archlab check resnet18 --max-params 12M --max-macs 600M
    """
    check_target(style, out)
    from archlab.analyze.budget import limits

    given = {
        "params": max_params,
        "macs": max_macs,
        "flops": max_flops,
        "inference_peak": max_peak,
        "training": max_training,
    }
    wanted = limits({name: text for name, text in given.items() if text is not None})
    import archlab as api

    loaded = announced(api.Model(model, **how_to_load(input, batch, set_)))
    result = api.check(loaded, **wanted)
    show(result, style=style, out=out)
    if not result.totals.passed:
        raise typer.Exit(1)
