"""`archlab gradients MODEL …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.measuring import (
    Checkpoint,
    Device,
    Dtype,
    Images,
    Init,
    Layers,
    Models,
    Noise,
    Norm,
    Plot,
    ProbeMode,
    Samples,
    Seed,
    Seeds,
    given,
    loaded_models,
    whole_numbers,
)
from archlab.cli.options import DataDir, Format, Input, Out, Set, Sort
from archlab.cli.output import check_plot, check_target, show, show_plot
from archlab.cli.progress import progress_bar


def gradients(
    models: Models,
    depths: Annotated[
        str | None, typer.Option("--depths", help="Zoo nets at these depths: 20,56,110.")
    ] = None,
    twin: Annotated[
        bool, typer.Option("--twin", help="Also each net with its shortcuts dropped.")
    ] = False,
    by: Annotated[
        str, typer.Option("--by", help="block (the net's repeated unit) or layer.")
    ] = "block",
    layer: Layers = None,
    input: Input = None,  # noqa: A002
    batch: Samples = None,
    set_: Set = None,
    seeds: Seeds = 3,
    seed: Seed = 0,
    norm: Norm = None,
    init: Init = None,
    checkpoint: Checkpoint = None,
    images: Images = None,
    data_dir: DataDir = Path(".data"),
    noise: Noise = False,
    loss: Annotated[
        str | None,
        typer.Option("--loss", help="cross-entropy, mse, sum. Default: what fits the output."),
    ] = None,
    mode: ProbeMode = "train",
    device: Device = "cpu",
    dtype: Dtype = "float32",
    plot: Plot = None,
    style: Format = None,
    out: Out = None,
    sort: Sort = None,
) -> None:
    """How gradients change with depth, beside theory.

    dL/da at the output of each block, dL/dW of its weights, and dL/dW ÷ W.

    Example: archlab gradients resnet20 plain20 --seeds 2 --batch 16
    """
    check_target(style, out)
    check_plot(plot)
    numbers = whole_numbers("--depths", depths)
    import archlab as api
    from archlab.api.live.conditions import at_depths

    how = given(
        seeds=seeds, seed=seed, batch=batch, mode=mode, norm=norm, init=init, dtype=dtype, by=by,
        checkpoint=checkpoint, images=images, data_dir=data_dir, noise=noise, loss=loss,
        device=device, layers=layer,
    )  # fmt: skip
    loaded = loaded_models(at_depths(models, numbers), input, set_)
    with progress_bar() as progress:
        answer = api.gradients(*loaded, twin=twin, progress=progress, **how)
    show_plot(answer, plot)
    show(answer, style=style, out=out, sort=sort)
