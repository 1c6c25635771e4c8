"""`archlab finetune CHECKPOINT`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import Config, Data, DataDir, Download, Format, Seed, Set
from archlab.cli.output import check_target, show
from archlab.cli.sweep import reporter, saved_on_interrupt


def finetune(
    saved: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A .ckpt file, or a run's folder.")
    ],
    data: Data = None,
    freeze: Annotated[
        str, typer.Option("--freeze", help="backbone, none, or of stem,stages,head.")
    ] = "backbone",
    until: Annotated[
        int | None,
        typer.Option("--until", min=0, help="Frozen before this step. Default: a quarter of all."),
    ] = None,
    recipe: Annotated[str, typer.Option("--recipe", help="paper, fast, demo or lesson.")] = "fast",
    config: Config = None,
    set_: Set = None,
    seed: Seed = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. Default: runs/finetune-RECIPE.")
    ] = None,
    data_dir: DataDir = Path(".data"),
    download: Download = False,
    alone: Annotated[
        bool, typer.Option("--alone", help="Without linear probe and training from scratch.")
    ] = False,
    style: Format = None,
) -> None:
    """Fine-tune a net, beside a linear probe and from scratch.

    Example: archlab finetune runs/resnet18-seed1-1a2b3c4d --data cifar10 --until 1000
    """
    check_target(style, None)
    from archlab.api.training import finetune as finetuning, recipes

    chosen = recipes.recipe_of(recipe, config, set_ or ())
    print(f"recipe {chosen.sentence()}", file=sys.stderr)
    folder = out or Path("runs") / f"finetune-{chosen.name}"
    with saved_on_interrupt(folder):
        result = finetuning.finetune_model(
            saved, data=data or recipes.default_data(chosen), recipe=chosen, seed=seed,
            out=folder, plan=finetuning.freeze_plan(freeze, until), data_dir=data_dir,
            download=download, alone=alone, report=reporter(),
        )  # fmt: skip
    show(result, style=style)
