"""Options that several commands share, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def model_names(incomplete: str) -> list[tuple[str, str]]:
    """Return the nets of the zoo that begin so, each with its line, for the shell's completion."""
    from archlab import zoo  # names alone need no torch: torchvision and timm would

    return [(name, zoo.describe(name)) for name in zoo.names() if name.startswith(incomplete)]


ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        autocompletion=model_names,
        help="resnet18, torchvision:resnet50, timm:convnext_tiny, path/to/net.py:Net, "
        "package.module:factory",
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]SIZES[:DTYPE]",
        help="3x224x224 (batch optional), ids=2x20:int64, [2x32x64] for exactly that shape; "
        "repeat for several inputs. Default: the model's own.",
    ),
]
Batch = Annotated[
    int | None, typer.Option("--batch", "-b", min=1, help="Samples per forward. Default: 1.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="KEY=VALUE",
        help="A constructor argument: num_classes=10, layout=imagenet, widths=(16,32,64); repeat.",
    ),
]
Mode = Annotated[str, typer.Option("--mode", help="eval or train.")]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        help="tree, table, csv, json or md. Default: the suffix of --out, else tree.",
    ),
]
Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write to this file instead of the terminal.")
]
Depth = Annotated[
    int | None,
    typer.Option(
        "--depth", "-d", min=0, help="Levels of the module tree. Default: what fits a screen."
    ),
]
Sort = Annotated[
    str | None, typer.Option("--sort", help="Sort by this column (JSON name), largest first.")
]

# Of training.
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.yaml", help="Recipe entries, as learning_rate: 0.05."),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="embedded, cifar10, cifar100, fashion-mnist, a folder with train/CLASS and "
        "test/CLASS, or a .npz file. Default: what the recipe is made for.",
    ),
]
DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Where the official archives are, or go.")
]
Seed = Annotated[
    int, typer.Option("--seed", min=0, help="Of weights, order of images and augmentation.")
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch an official archive that is absent.")
]
