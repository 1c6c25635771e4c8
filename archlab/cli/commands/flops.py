"""`archlab flops MODEL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.options import Batch, Depth, Format, Input, ModelArgument, Out, Set, Sort
from archlab.cli.output import announced, check_target, how_to_load, show
from archlab.result import Result, Status

if TYPE_CHECKING:
    from archlab.analyze.compare import Comparison


def flops(
    model: ModelArgument,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    mode: Annotated[
        str, typer.Option("--mode", help="eval, train (backward too), or both side by side.")
    ] = "eval",
    by: Annotated[str, typer.Option("--by", help="Rows by module or by kind.")] = "module",
    convention: Annotated[
        str, typer.Option("--convention", help="archlab, or fvcore (norms and resampling too).")
    ] = "archlab",
    against: Annotated[
        str | None, typer.Option("--against", help="fvcore: explain the difference op by op.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if an operator was not counted.")
    ] = False,
    style: Format = None,
    out: Out = None,
    depth: Depth = None,
    sort: Sort = None,
) -> None:
    """MACs and FLOPs of one forward, by module or by kind.

    Example: archlab flops torchvision:vit_b_16 --by kind
    """
    check_target(style, out)
    import archlab as api

    loaded = announced(api.Model(model, **how_to_load(input, batch, set_)))
    result: Result[Any, Any] | Comparison
    if against is not None:
        result = api.against(loaded, against, mode=mode)
    elif mode == "both":
        result = api.compare_modes(loaded)
    else:
        result = api.flops(loaded, mode=mode, convention=convention, by=by)
    show(result, style=style, out=out, depth=depth, sort=sort)
    if strict and result.status != Status.COMPLETE:
        raise typer.Exit(1)
