"""`archlab responses MODEL …`."""

from __future__ import annotations

from pathlib import Path

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
)
from archlab.cli.options import DataDir, Format, Input, Out, Set, Sort
from archlab.cli.output import check_plot, check_target, show, show_plot
from archlab.cli.progress import progress_bar


def responses(
    models: Models,
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
    mode: ProbeMode = "train",
    device: Device = "cpu",
    dtype: Dtype = "float32",
    plot: Plot = None,
    style: Format = None,
    out: Out = None,
    sort: Sort = None,
) -> None:
    """The standard deviation of every layer's output, by depth.

    Figure 7 of He et al. 2015.

    Example: archlab responses resnet20 plain20 --norm none --seeds 1 --batch 16
    """
    check_target(style, out)
    check_plot(plot)
    import archlab as api

    how = given(
        seeds=seeds, seed=seed, batch=batch, mode=mode, norm=norm, init=init, dtype=dtype,
        checkpoint=checkpoint, images=images, data_dir=data_dir, noise=noise, device=device,
        layers=layer,
    )  # fmt: skip
    loaded = loaded_models(models, input, set_)
    with progress_bar() as progress:
        answer = api.responses(*loaded, progress=progress, **how)
    show_plot(answer, plot)
    show(answer, style=style, out=out, sort=sort)
