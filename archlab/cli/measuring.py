"""Options of the commands that measure a live net, declared once, and the values they give."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.options import model_names
from archlab.cli.output import announced, how_to_load
from archlab.errors import OptionError

if TYPE_CHECKING:
    from archlab.api.model import Model

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL …",
        autocompletion=model_names,
        help="One or more: resnet20, torchvision:resnet18, timm:vit_tiny_patch16_224, net.py:Net",
    ),
]
Samples = Annotated[
    int | None,
    typer.Option("--batch", "-b", min=1, help="Samples. Default: 64; 8 for images above 64×64."),
]
Seeds = Annotated[int, typer.Option("--seeds", min=1, help="Draws of weights, data and labels.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="The first seed.")]
Norm = Annotated[str | None, typer.Option("--norm", help="batch, or none to leave it out.")]
Init = Annotated[
    str | None,
    typer.Option(
        "--init",
        help="kaiming, xavier, default (PyTorch's), orthogonal, zero-gamma. "
        "Default: as the constructor draws.",
    ),
]
Checkpoint = Annotated[
    Path | None, typer.Option("--checkpoint", help="Weights to measure (state dict).")
]
Images = Annotated[
    str | None,
    typer.Option(
        "--images",
        help="Folder of images, .npz file, or embedded, cifar10, cifar100, fashion-mnist. "
        "Default: made 1/f images.",
    ),
]
Noise = Annotated[bool, typer.Option("--noise", help="N(0, 1) instead of 1/f images.")]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", "-l", help="Measure at these paths: layer1.0, 'layer?.*'; repeat."),
]
ProbeMode = Annotated[str, typer.Option("--mode", help="train (batch statistics) or eval.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1 …")]
Dtype = Annotated[str, typer.Option("--dtype", help="float32, float64, bfloat16, float16.")]
Plot = Annotated[
    Path | None, typer.Option("--plot", help="Also write a picture: .svg, .png or .pdf.")
]


def loaded_models(
    names: Sequence[str], inputs: Sequence[str] | None, settings: Sequence[str] | None
) -> list[Model]:
    """Return the models, each built on meta; the batch is a condition, not theirs."""
    from archlab.api.model import Model

    how = how_to_load(inputs, None, settings)
    return [announced(Model(name, **how)) for name in names]


def whole_numbers(option: str, text: str | None) -> list[int]:
    """Return the numbers of `20,56,110`; nothing for None.

    Raises:
        OptionError: something that is no whole number from 1 up.
    """
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"0*[1-9]\d{0,5}", part) for part in parts):
        raise OptionError(f"{option} {text!r}: whole numbers joined by commas, such as 20,56,110.")
    return [int(part) for part in parts]


def given(**conditions: Any) -> dict[str, Any]:
    """Return the conditions with an empty list where no layer was named."""
    return {**conditions, "layers": conditions.get("layers") or ()}
