"""`archlab degradation`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.interrupt import saved_on_interrupt
from archlab.cli.output import Format
from archlab.cli.progress import progress_shown
from archlab.cli.running import Changes, Download, Engine, Figure, Gradients, Images, Recipe
from archlab.cli.streams import say
from archlab.errors import OptionError, keyword


def degradation(
    changes: Changes,
    images: Images,
    engine: Engine,
    format: Format,  # noqa: A002
    depths: Annotated[str, typer.Option(help="Layers, each 6n+2.")] = "20,56",
    kinds: Annotated[str, typer.Option(help="plain, residual.")] = "plain,residual",
    seeds: Annotated[str, typer.Option(help="How many; or which: 4,5,6 (only 4: 4,).")] = "3",
    recipe: Recipe = "auto",
    download: Download = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder. Default: runs/degradation-RECIPE.")
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(
            min=0, help="With ray, a run's share of a GPU; 0: a CPU. Default: 0.25 if it has GPUs."
        ),
    ] = None,
    gradients: Gradients = None,
    style: Figure = "fig6",
) -> None:
    """Does depth help? Plain and residual nets, and a verdict.

    Without a GPU, data or network it runs a small honest demo, about five minutes on two cores.
    Started again it goes on where it was.

    Example: archlab degradation --depths 20,56
    """
    from archlab.api.training import degradation as training, recipes

    where = recipes.Images(images.data, images.data_dir, download)
    chosen = recipes.recipe_of(recipe, changes.config, changes.options or (), where)
    layers, named = _numbers("depths", depths), _numbers("seeds", seeds)
    # "4,5" and "4," are seeds by name; "4" is how many. To the verb that is a list or a number.
    draws = named if "," in seeds else named[0]
    say(training.opening(recipe, chosen, layers, draws, engine.jobs, where))
    folder = training.default_out(chosen, out)
    with saved_on_interrupt(folder), progress_shown(lines=True) as progress:
        answer = training.degradation(
            depths=layers, kinds=kinds.split(","), seeds=draws, recipe=chosen, data=images.data,
            data_dir=images.data_dir, download=download, out=folder, jobs=engine.jobs,
            engine=engine.engine, address=engine.address, gpus=gpus, gradients=gradients,
            style=style, say=say, progress=progress,
        )  # fmt: skip
    format.show(answer)
    say(f"files: {folder}")


def _numbers(name: str, text: str) -> list[int]:
    parts = [part.strip() for part in text.removesuffix(",").split(",")]
    # Only digits: a minus or a point would be read as a number and fail deep in the work.
    if not all(re.fullmatch("[0-9]{1,9}", part) for part in parts):
        raise OptionError(
            f"{keyword(name)} {text!r}: whole numbers joined by commas are wanted: 20,56."
        )
    return [int(part) for part in parts]
