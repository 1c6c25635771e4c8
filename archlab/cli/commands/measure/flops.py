"""`archlab flops MODEL`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.command import Typed
from archlab.cli.options import MODES, ROWS, Loading, ModelArgument, constant, listed
from archlab.cli.output import Output, Tree
from archlab.errors import check_one_of
from archlab.result import Result, Status

if TYPE_CHECKING:
    from archlab.analyze.compare import Comparison

_BOTH = "both"


def flops(
    model: ModelArgument,
    loading: Loading,
    output: Output,
    tree: Tree,
    typed: Typed,
    mode: Annotated[
        str, typer.Option(help=f"{listed((*MODES, _BOTH))}; train counts the backward pass, too.")
    ] = "eval",
    by: Annotated[str, typer.Option(help=f"A row for each {listed(ROWS)}.")] = "module",
    convention: Annotated[
        str,
        typer.Option(
            help=f"{listed(constant('archlab.analyze.flops:TABLES'))}; "
            "fvcore also counts norms and resampling."
        ),
    ] = "archlab",
    tool: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="TOOL", help="fvcore: explain the difference to it, op by op."
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 if an operator was not counted.")
    ] = False,
) -> None:
    """MACs and FLOPs of one forward, by module or by kind.

    Example: archlab flops torchvision:vit_b_16 --by kind
    """
    # What an answer has no place for is refused and never dropped without a word.
    typed.exclusive("tool", "by", "depth", because="its rows are kinds of operator")
    typed.exclusive("tool", "convention", because="it counts by both conventions")
    if by == "kind":
        typed.exclusive("by", "depth", because="rows by kind are no module tree")
    if mode == _BOTH:
        columns = "two modes are compared as wholes, each with all its numbers"
        typed.exclusive("mode", "by", "convention", "tool", "depth", "sort", because=columns)
    check_one_of("mode", mode, (*MODES, _BOTH))
    from archlab.api import cost

    (loaded,) = loading.load(model)
    answer: Result[Any, Any] | Comparison
    if tool is not None:
        answer = cost.against(loaded, tool, mode=mode)
    elif mode == _BOTH:
        answer = cost.compare_modes(loaded)
    else:
        answer = cost.flops(loaded, mode=mode, convention=convention, by=by)
    output.show(answer, depth=tree.depth, sort=tree.sort)
    if strict and answer.status != Status.COMPLETE:
        raise typer.Exit(1)
