"""`archlab models`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.command import Typed
from archlab.cli.options import listed
from archlab.cli.output import Output
from archlab.cli.streams import answer as write_answer

SOURCES = ("zoo", "torchvision", "timm")  # as resolve/sources.py has them, which imports torch


def models(
    output: Output,
    typed: Typed,
    pattern: Annotated[
        str | None, typer.Argument(metavar="[PATTERN]", help="Names to list: 'resnet*'.")
    ] = None,
    source: Annotated[str, typer.Option(help=f"{listed(SOURCES)}.")] = "zoo",
) -> None:
    """The models of the zoo, or the names of another source.

    Example: archlab models --source timm 'convnext*'
    """
    from archlab.resolve.catalog import catalog

    answer = catalog(pattern, source)
    # A list of names is read by people and by `grep`: a table comes only where one is asked for.
    if typed.any("format", "out"):
        output.show(answer)
        return
    width = max(len(entry.name) for entry in answer.rows)
    lines = [f"{entry.name:{width}}  {entry.summary}".rstrip() for entry in answer.rows]
    if answer.footer:
        lines += ["", *answer.footer]
    write_answer("\n".join(lines))
