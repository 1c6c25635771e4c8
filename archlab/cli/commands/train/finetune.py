"""`archlab finetune CHECKPOINT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.command import Typed
from archlab.cli.interrupt import saved_on_interrupt
from archlab.cli.output import Format
from archlab.cli.progress import progress_shown
from archlab.cli.running import (
    Changes,
    CheckpointArgument,
    CheckpointModel,
    Download,
    Images,
    Jobs,
    Recipe,
    Seed,
)
from archlab.cli.streams import say

PARTS = ("stem", "stages", "head")  # as train/finetune.py has them, which imports torch


def finetune(
    checkpoint: CheckpointArgument,
    changes: Changes,
    images: Images,
    format: Format,  # noqa: A002
    typed: Typed,
    freeze: Annotated[
        str, typer.Option(help=f"backbone, none, or some of {','.join(PARTS)}.")
    ] = "backbone",
    until: Annotated[
        int | None, typer.Option(min=0, help="Frozen before this step. Default: a quarter of all.")
    ] = None,
    recipe: Recipe = "fast",
    seed: Seed = 1,
    download: Download = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. Default: runs/finetune-RECIPE.")
    ] = None,
    jobs: Jobs = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Without linear probe and training from scratch.")
    ] = False,
    model: CheckpointModel = None,
) -> None:
    """Fine-tune a net, beside a linear probe and from scratch.

    Example: archlab finetune runs/resnet18-seed1-1a2b3c4d --data cifar10 --until 1000
    """
    if freeze == "none":
        typed.exclusive("freeze", "until", because="where nothing is frozen, nothing is released")
    from archlab.api.training import finetune as finetuning, recipes

    # The folder is needed here, too: after Ctrl-C it is named as where to go on.
    where = recipes.Images(images.data, images.data_dir, download)
    chosen = recipes.recipe_of(recipe, changes.config, changes.options or (), where)
    say(recipes.opening(recipe, chosen, where))
    folder = out or Path("runs") / f"finetune-{chosen.name}"
    with saved_on_interrupt(folder), progress_shown(lines=True) as progress:
        answer = finetuning.finetune_model(
            checkpoint, data=images.data or chosen.made_for, recipe=chosen,
            data_dir=images.data_dir, download=download, seed=seed, out=folder,
            jobs=jobs, alone=alone, model=model, freeze=finetuning.freeze_plan(freeze, until),
            say=say, progress=progress,
        )  # fmt: skip
    format.show(answer)
