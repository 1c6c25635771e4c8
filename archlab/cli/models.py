"""`archlab models`."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Annotated

import typer

from archlab.errors import SpecError, check_one_of, did_you_mean
from archlab.spec import LIBRARIES


def models(
    pattern: Annotated[
        str | None, typer.Argument(metavar="[PATTERN]", help="Names to list: 'resnet*'.")
    ] = None,
    source: Annotated[str, typer.Option("--source", help="zoo, torchvision or timm.")] = "zoo",
) -> None:
    """The models of the zoo, or the names of another source.

    Example: archlab models --source timm 'convnext*'
    """
    check_one_of("--source", source, ("zoo", *LIBRARIES))
    from archlab import zoo

    if source == "zoo":
        known = {name: zoo.describe(name) for name in zoo.names()}
    else:
        from archlab.resolve.sources import library_names

        known = dict.fromkeys(library_names(source), "")
    chosen = [name for name in known if pattern is None or fnmatch(name, pattern)]
    if not chosen:
        near = did_you_mean((pattern or "").strip("*"), known)
        raise SpecError(f"{source} has no model that matches {pattern!r}.{near}")
    width = max(map(len, chosen))
    for name in chosen:
        print(f"{name:{width}}  {known[name]}".rstrip())
    if source == "zoo" and pattern is None:
        print(
            "\nAny depth 6n+2 works too (resnet62, plain14); cifar_resnet50 is the 6n+2 net of "
            "that depth.\nOther sources: archlab models --source torchvision, --source timm."
        )
