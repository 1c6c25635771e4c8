"""`archlab bottleneck [MODEL]`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import Batch, Format, Input, Set, Sort, model_names
from archlab.cli.output import announced, check_target, how_to_load, show
from archlab.errors import OptionError


def bottleneck(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="Find the savings in this model.",
            autocompletion=model_names,
        ),
    ] = None,
    inputs: Annotated[int | None, typer.Option("--in", help="Input channels.")] = None,
    out: Annotated[
        list[str] | None, typer.Option("--out", "-o", help="Output channels; or a file to write.")
    ] = None,
    kernel: Annotated[int, typer.Option("--kernel", help="Kernel size n of n×n.")] = 3,
    reduce: Annotated[
        int | None, typer.Option("--reduce", help="Channels after a 1×1 convolution.")
    ] = None,
    factor: Annotated[
        str, typer.Option("--factor", help="none, v2 (3×3 kernels) or v3 (1×n and n×1).")
    ] = "none",
    size: Annotated[int | None, typer.Option("--size", help="Side of the map, for MACs.")] = None,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    style: Format = None,
    sort: Sort = None,
) -> None:
    """What a 1×1 reduction or a factorized kernel saves.

    As a sum (--in, --out), or found in a model.

    Example: archlab bottleneck --in 192 --out 32 --kernel 3 --reduce 32
    """
    numbers = [int(text) for text in out or () if text.isdigit()]
    files = [Path(text) for text in out or () if not text.isdigit()]
    outputs = numbers[-1] if numbers else None
    target = files[-1] if files else None
    check_target(style, target)
    if model is not None and (inputs is not None or outputs is not None):
        raise OptionError(
            "MODEL finds the savings in a net, --in and --out are the channels of a sum: give one "
            "or the other."
        )
    if model is not None:
        import archlab as api

        loaded = announced(api.Model(model, **how_to_load(input, batch, set_)))
        show(api.bottlenecks(loaded), style=style, out=target, sort=sort)
        return
    if inputs is None or outputs is None:
        raise OptionError(
            "Give a MODEL, or the channels of the sum: archlab bottleneck --in 192 --out 32 "
            "--kernel 3 --reduce 32"
        )
    from archlab.analyze.factorize import bottleneck as total

    show(
        total(
            inputs=inputs, outputs=outputs, kernel=kernel, reduce=reduce, factor=factor, size=size
        ),
        style=style,
        out=target,
    )
