"""What is trained, on which images, and by whom: options of commands that run many jobs or long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import constant, listed
from archlab.data.catalog import NAMES
from archlab.runs.recipe import RECIPES

DATA_DIR = Path(".data")
STYLES = ("fig6", "fig1")  # as api/training/curves.py has them, which imports numpy


Recipe = Annotated[
    str,
    typer.Option(
        "--recipe", help=f"{listed(RECIPES)}; auto: paper with a GPU and CIFAR-10, else demo."
    ),
]
CheckpointArgument = Annotated[
    Path, typer.Argument(metavar="CHECKPOINT", help="A .ckpt file, or a run's folder.")
]
CheckpointModel = Annotated[
    str | None,
    typer.Option("--model", help="Its spec; needed where the file names none, or names code."),
]
Figure = Annotated[str, typer.Option("--style", help=f"Of a sweep's figure: {listed(STYLES)}.")]
Gradients = Annotated[
    int | None,
    typer.Option(
        "--gradients", metavar="N", min=1, help="Record gradient norms by depth every N steps."
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", min=0, max=2**63 - 1, help="Of weights, the order of images and augmentation."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", "-j", min=1, help="Jobs side by side. Default: one a core; of a sweep six a GPU."
    ),
]
DataDir = Annotated[
    Path, typer.Option("--data-dir", help="Where the archives of official sets are, or go.")
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch an official archive that is absent.")
]


@dataclass(frozen=True)
class Images:
    """The images to train on, or to test with."""

    data: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(NAMES)}, a folder with train/CLASS and test/CLASS, or a .npz file. "
            "Default: what the recipe is made for, or the run's own."
        ),
    ] = None
    data_dir: DataDir = DATA_DIR


@dataclass(frozen=True)
class Changes:
    """What a recipe is changed by: a file, and single entries on top of it."""

    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE.yaml", help="Recipe entries, such as learning_rate: 0.05."),
    ] = None
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set", "-s", metavar="KEY=VALUE", help="A recipe entry, such as epochs=5; repeat."
        ),
    ] = None


@dataclass(frozen=True)
class Engine:
    """Who runs many jobs: processes of this machine, or a Ray cluster."""

    engine: Annotated[
        str,
        typer.Option(
            help=f"{listed(constant('archlab.engine:ENGINES'))}; ray needs pip install ray."
        ),
    ] = "local"
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Of a Ray cluster; auto: the one that runs here. Default: one of its own.",
        ),
    ] = None
    jobs: Jobs = None
