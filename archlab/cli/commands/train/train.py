"""`archlab train MODEL`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.command import Typed
from archlab.cli.interrupt import reason, stop_on_interrupt
from archlab.cli.options import ModelArgument
from archlab.cli.output import Format
from archlab.cli.progress import progress_shown
from archlab.cli.running import Changes, Download, Gradients, Images, Recipe, Seed
from archlab.cli.streams import say


def train(
    model: ModelArgument,
    changes: Changes,
    images: Images,
    format: Format,  # noqa: A002
    typed: Typed,
    recipe: Recipe = "auto",
    seed: Seed = 1,
    download: Download = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. Default: runs/MODEL-seedN-ID.")
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard/--no-tensorboard",
            help="Write TensorBoard events into FOLDER/tensorboard.",
        ),
    ] = True,
    logger: Annotated[
        list[str] | None, typer.Option(help="A Lightning logger's import path; repeat.")
    ] = None,
    logger_set: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An argument of it; repeat.")
    ] = None,
    gradients: Gradients = None,
) -> None:
    """Train one net with a recipe; started again it goes on.

    --set changes the recipe (epochs=5) and gives constructor arguments (layout=imagenet). Without a
    layout, GoogLeNet and the large ResNets take cifar for images up to 64x64, else imagenet.

    Example: archlab train resnet20 --data embedded --recipe demo
    """
    typed.require("logger", "logger_set", because="it is the logger's arguments")
    from archlab.api.training import recipes, single
    from archlab.runs.layout import RULE, has_layouts

    where = recipes.Images(images.data, images.data_dir, download)
    chosen, options = recipes.recipe_and_options(
        recipe, changes.config, changes.options or (), model, where
    )
    loggers = single.logger_maker(logger or (), logger_set or (), tensorboard=tensorboard)
    say(recipes.opening(recipe, chosen, where))
    if has_layouts(model) and "layout" not in options:
        say(f"layout: {RULE}; --set layout=… takes another")
    # Ctrl-C asks for an end: the run finishes its step, saves, and is answered like any other.
    with stop_on_interrupt() as stop, progress_shown(lines=True) as progress:
        answer = single.train_model(
            model, options=options, recipe=chosen, data=images.data or chosen.made_for,
            data_dir=images.data_dir, download=download, seed=seed, out=out, gradients=gradients,
            loggers=loggers, stop=stop.is_set, say=say, progress=progress,
        )  # fmt: skip
    format.show(answer)
    if stop.is_set():
        say(f"archlab: {reason().word}. What is trained is saved; the same command goes on.")
        raise typer.Exit(reason().code)
    # A loss that is no number ends a run: its table is shown, and the command fails.
    if answer.totals.status == "failed":
        raise typer.Exit(1)
