"""`archlab degradation`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.engines import Address, Engine
from archlab.cli.options import Config, Data, DataDir, Download, Format, Set
from archlab.cli.output import check_target, show
from archlab.cli.sweep import reporter, saved_on_interrupt
from archlab.errors import OptionError


def degradation(
    depths: Annotated[str, typer.Option("--depths", help="Layers, each 6n+2.")] = "20,56",
    kinds: Annotated[str, typer.Option("--kinds", help="plain, residual.")] = "plain,residual",
    seeds: Annotated[
        str, typer.Option("--seeds", help="How many; or which: 4,5,6 (only 4: 4,).")
    ] = "3",
    recipe: Annotated[
        str, typer.Option("--recipe", help="auto, paper, fast, demo or lesson.")
    ] = "auto",
    config: Config = None,
    set_: Set = None,
    data: Data = None,
    data_dir: DataDir = Path(".data"),
    download: Download = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. Default: runs/degradation-RECIPE.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, help="Runs side by side. Default: one a core.")
    ] = None,
    engine: Engine = "local",
    address: Address = None,
    gpus: Annotated[
        float, typer.Option("--gpus", min=0, help="With ray, a run's share of a GPU: 0.25.")
    ] = 0,
    gradients: Annotated[
        int | None,
        typer.Option("--gradients", min=1, help="Gradient norms by depth every so many steps."),
    ] = None,
    figure: Annotated[str, typer.Option("--style", help="Of the figure: fig6 or fig1.")] = "fig6",
    style: Format = None,
) -> None:
    """Does depth help? Plain and residual nets, and a verdict.

    Without a GPU, data or network it runs a small honest demo, about five minutes on two cores.
    Started again it goes on where it was.

    Example: archlab degradation --depths 20,56
    """
    check_target(style, None)
    from archlab.api.training import degradation as training, recipes

    chosen = recipes.recipe_of(recipe, config, set_ or ())
    layers = _numbers("--depths", depths)
    named = _numbers("--seeds", seeds)
    print(training.opening(recipe, chosen, layers, named if "," in seeds else named[0], jobs),
          file=sys.stderr)  # fmt: skip
    folder = training.default_out(chosen, out)
    with saved_on_interrupt(folder):
        result = training.degradation(
            depths=layers, kinds=kinds.split(","), recipe=chosen, out=folder, jobs=jobs,
            seeds=named if "," in seeds else named[0], data=data, data_dir=data_dir,
            download=download, style=figure, report=reporter(),
            engine=engine, address=address, gpus=gpus, gradients=gradients,
        )  # fmt: skip
    show(result, style=style)
    print(f"files: {folder}", file=sys.stderr)


def _numbers(option: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    if not all(part.isdigit() for part in parts):
        raise OptionError(f"{option} {text!r}: whole numbers joined by commas are wanted: 20,56.")
    return [int(part) for part in parts]
