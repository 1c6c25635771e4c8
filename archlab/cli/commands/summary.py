"""`archlab summary MODEL`."""

from __future__ import annotations

from archlab.cli.options import (
    Batch,
    Depth,
    Format,
    Input,
    Mode,
    ModelArgument,
    Out,
    Set,
    Sort,
)
from archlab.cli.output import announced, check_target, how_to_load, show


def summary(
    model: ModelArgument,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    mode: Mode = "eval",
    style: Format = None,
    out: Out = None,
    depth: Depth = None,
    sort: Sort = None,
) -> None:
    """Kernel, output shape, parameters and MACs of every module.

    Example: archlab summary torchvision:resnet50
    """
    check_target(style, out)
    import archlab as api

    loaded = announced(api.Model(model, **how_to_load(input, batch, set_)))
    show(api.summary(loaded, mode=mode), style=style, out=out, depth=depth, sort=sort)
