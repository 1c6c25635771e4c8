"""`archlab rf MODEL …`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from archlab.cli.options import Batch, Depth, Format, Input, Out, Set, Sort, model_names
from archlab.cli.output import announced, check_plot, check_target, how_to_load, show
from archlab.errors import OptionError
from archlab.files import write
from archlab.result import Result


def rf(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL …", help="One; several with --plot.", autocompletion=model_names
        ),
    ],
    layer: Annotated[
        list[str] | None, typer.Option("--layer", "-l", help="Only this layer path; repeat.")
    ] = None,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    unproductive: Annotated[
        bool, typer.Option("--unproductive", help="Layers that can add no context (Richter 2021).")
    ] = False,
    resolution: Annotated[
        list[str] | None,
        typer.Option(
            "--resolution", metavar="N|HxW", help="With --unproductive: other sizes; repeat."
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Certify every convolution by gradients.")
    ] = False,
    effective: Annotated[
        bool, typer.Option("--effective", help="Effective field (Luo 2016) beside the theory.")
    ] = False,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="Folder of images, for --effective and to draw on."),
    ] = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Noise for --effective (default).")
    ] = False,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Checkpoint for --effective (state dict).")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a picture: .svg, .png or .pdf.")
    ] = None,
    style: Format = None,
    out: Out = None,
    depth: Depth = None,
    sort: Sort = None,
) -> None:
    """What each layer sees of the image: size, centre, holes.

    Example: archlab rf resnet20 --plot rf.svg
    """
    check_target(style, out)
    check_plot(plot)
    if noise and images:
        raise OptionError("--noise and --images exclude each other.")
    asked = bool(out or style or verify or unproductive or resolution)
    if len(models) > 1 and (plot is None or asked):
        raise OptionError(
            "Several models are overlaid on a picture: add --plot FILE.svg. --out, --format "
            "and --verify are for one model."
        )
    from archlab.api.field import pictures, receptive_field as field
    from archlab.api.model import Model

    how = how_to_load(input, batch, set_)
    loaded = [announced(Model(model, **how)) for model in models]
    for model in loaded:
        field.check_layers(model, layer or ())
    if plot is not None:
        picture = pictures.plot_receptive_field(
            loaded, plot.suffix[1:], effective=effective, layers=layer or (), images=images,
            weights=weights,
        )  # fmt: skip
        write(plot, picture)
        print(f"wrote {plot}", file=sys.stderr)
        if not asked:
            return
    result: Result[Any, Any]
    agreed = True
    if unproductive or resolution:
        result = field.unproductive(
            loaded[0], resolutions=[_size(text) for text in resolution or ()]
        )
    elif verify:
        result = certificate = field.verify_receptive_field(loaded[0])
        agreed = certificate.totals.agree == certificate.totals.checked
    elif effective:
        result = field.effective_receptive_field(
            loaded[0], layers=layer or (), images=images, weights=weights
        )
    else:
        result = field.receptive_field(loaded[0], layers=layer or ())
    show(result, style=style, out=out, depth=depth, sort=sort)
    if not agreed:
        raise typer.Exit(1)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text.strip().lower())
    if match is None or int(match[1]) < 1:
        raise OptionError(f"--resolution {text!r} is no size: write 224 or 224x320.")
    return int(match[1]), int(match[2] or match[1])
