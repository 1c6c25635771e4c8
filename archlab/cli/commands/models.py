"""`archlab models`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.options import Format, Out
from archlab.cli.output import check_target, show


def models(
    pattern: Annotated[
        str | None, typer.Argument(metavar="[PATTERN]", help="Names to list: 'resnet*'.")
    ] = None,
    source: Annotated[str, typer.Option("--source", help="zoo, torchvision or timm.")] = "zoo",
    style: Format = None,
    out: Out = None,
) -> None:
    """The models of the zoo, or the names of another source.

    Example: archlab models --source timm 'convnext*'
    """
    check_target(style, out)
    from archlab.resolve.catalog import catalog

    found = catalog(pattern, source)
    if style is None and out is None:  # bare lines, for pipes
        width = max(len(entry.name) for entry in found.rows)
        for entry in found.rows:
            print(f"{entry.name:{width}}  {entry.summary}".rstrip())
        if found.footer:
            print("", *found.footer, sep="\n")
    else:
        show(found, style=style, out=out)
