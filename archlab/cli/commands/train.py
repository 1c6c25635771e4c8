"""`archlab train MODEL`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import (
    Config,
    Data,
    DataDir,
    Download,
    Format,
    ModelArgument,
    Seed,
    Set,
)
from archlab.cli.output import check_target, show


def train(
    model: ModelArgument,
    data: Data = None,
    recipe: Annotated[
        str, typer.Option("--recipe", help="auto, paper, fast, demo or lesson.")
    ] = "auto",
    config: Config = None,
    set_: Set = None,
    seed: Seed = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. Default: runs/MODEL-seedN-ID.")
    ] = None,
    data_dir: DataDir = Path(".data"),
    download: Download = False,
    tensorboard: Annotated[
        bool, typer.Option(help="Write TensorBoard events into FOLDER/tensorboard.")
    ] = True,
    logger: Annotated[
        list[str] | None,
        typer.Option("--logger", help="A Lightning logger's import path; repeat."),
    ] = None,
    logger_set: Annotated[
        list[str] | None, typer.Option("--logger-set", help="Its arguments: key=value; repeat.")
    ] = None,
    gradients: Annotated[
        int | None,
        typer.Option("--gradients", min=1, help="Gradient norms by depth every so many steps."),
    ] = None,
    style: Format = None,
) -> None:
    """Train one net with a recipe; started again it goes on.

    --set changes the recipe (epochs=5) and gives constructor arguments (layout=chapter).

    Example: archlab train resnet20 --data embedded --recipe demo
    """
    check_target(style, None)
    from archlab.api.training import recipes, single as fitting
    from archlab.cli.watch import Watch

    chosen, options = recipes.recipe_and_options(recipe, config, set_ or (), model)
    print(f"recipe {chosen.sentence()}", file=sys.stderr)
    with Watch() as watch:
        result = fitting.train_model(
            model, data=data or recipes.default_data(chosen), recipe=chosen, options=options,
            seed=seed, out=out, data_dir=data_dir, download=download,
            stop=watch, report=watch.report, gradients=gradients,
            loggers=fitting.loggers(logger or (), logger_set or (), tensorboard=tensorboard),
        )  # fmt: skip
    show(result, style=style)
    if watch.asked:
        print("archlab: interrupted and saved; the same command goes on", file=sys.stderr)
        raise typer.Exit(130)
    if result.totals.status == "failed":
        raise typer.Exit(1)
