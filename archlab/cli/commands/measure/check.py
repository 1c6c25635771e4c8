"""`archlab check MODEL`: a budget for CI."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from archlab.cli.options import Loading, ModelArgument
from archlab.cli.output import Output


@dataclass(frozen=True)
class Budget:
    """The limits, each optional; fields are named as `archlab.check` names them."""

    max_params: Annotated[
        str | None, typer.Option("--max-params", metavar="N", help="5M, 11.7M, 60000.")
    ] = None
    max_macs: Annotated[str | None, typer.Option("--max-macs", metavar="N", help="600M, 1.8G.")] = (
        None
    )
    max_flops: Annotated[str | None, typer.Option("--max-flops", metavar="N", help="1.2G.")] = None
    max_peak: Annotated[
        str | None,
        typer.Option("--max-peak", metavar="SIZE", help="Peak of activations: 64MiB, 20MB."),
    ] = None
    max_training: Annotated[
        str | None,
        typer.Option("--max-training", metavar="SIZE", help="Training memory with adam: 2GiB."),
    ] = None


def check(model: ModelArgument, budget: Budget, loading: Loading, output: Output) -> None:
    """Hold a model against a budget, for CI.

    Exit 0 within it, 1 over it, or where something could not be counted.

    Example: archlab check resnet18 --max-params 12M --max-macs 600M
    """
    texts = {name: text for name, text in asdict(budget).items() if text is not None}
    from archlab.analyze.budget import limits

    amounts = limits(texts)  # before torch is imported, so that a mistyped one costs no wait
    from archlab.api import cost

    (loaded,) = loading.load(model)
    answer = cost.check(loaded, **amounts)
    output.show(answer)
    # A job of a CI fails by the exit code, after the table says why.
    if not answer.totals.passed:
        raise typer.Exit(1)
