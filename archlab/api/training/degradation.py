"""The verbs of training: the degradation experiment, its verdict, and curves from files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.api.training.curves import STYLES, curves
from archlab.api.training.recipes import chosen_recipe, default_data
from archlab.engine import ENGINES
from archlab.errors import OptionError, RunError, check_one_of
from archlab.files import write
from archlab.runs.recipe import RECIPES, Recipe
from archlab.runs.verdict import VerdictRow, VerdictTotals, verdict as judge, write_verdict

if TYPE_CHECKING:
    from archlab.result import Result


def degradation(
    *,
    depths: Sequence[int] = (20, 56),
    kinds: Sequence[str] = ("plain", "residual"),
    seeds: int | Sequence[int] = 3,
    recipe: Recipe | str = "auto",
    out: str | Path | None = None,
    **how: Any,
) -> Result[VerdictTotals, VerdictRow]:
    """Train plain and residual nets of several depths, and return the verdict.

    Args:
        depths: layers, each 6n + 2; the verdict compares the deepest with the shallowest.
        kinds: plain, residual or both.
        seeds: how many (1, 2 …), or which.
        recipe: a recipe or its name; "auto" is paper with a GPU and demo without.
        out: the folder of the sweep; runs/degradation-RECIPE by default.
        **how: `data` and `data_dir` (see `archlab.data.sets.load_images`), `download`, `jobs`
            (processes side by side), `report` (a function told the progress), `style` (fig6, fig1),
            `engine` (local or ray), `address` (of a Ray cluster), `gpus` (a run's share of a GPU
            there), `gradients` (record gradient norms by depth every so many steps).

    Raises:
        OptionError: a depth that is not 6n + 2, an unknown kind or recipe.
        DataError: the images are absent or corrupt.
        RunError: another process uses the folder, or a run could not end.

    Example:
        >>> degradation(depths=(8, 14), out="runs/small").totals.outcome  # doctest: +SKIP
        'not shown'
    """
    from archlab.data.sets import load_images, located
    from archlab.train.degradation import Sweep, run_sweep
    from archlab.train.remote import Fan

    chosen = chosen_recipe(recipe)
    data, data_dir = how.pop("data", None) or default_data(chosen), how.pop("data_dir", ".data")
    sweep = Sweep(
        depths=tuple(depths), kinds=tuple(kinds), seeds=_seeds(seeds), recipe=chosen,
        data=located(data), data_dir=str(Path(data_dir).absolute()),
    )  # fmt: skip
    sweep.check()
    if len(set(sweep.depths)) < 2:
        raise OptionError("A verdict needs two depths or more: --depths 20,56.")
    images = load_images(data, Path(data_dir), download=how.pop("download", False))
    folder = default_out(chosen, out)
    fan = Fan(
        how.pop("engine", "local"), how.pop("address", None), how.pop("gpus", 0.0),
        how.pop("gradients", None) or 0,
    )  # fmt: skip
    check_one_of("--engine", fan.engine, ENGINES)
    if fan.engine == "local" and (fan.gpus or fan.address):
        raise OptionError("--gpus and --address are of a Ray cluster: add --engine ray.")
    check_one_of("--style", style := how.pop("style", "fig6"), STYLES)
    try:
        run_sweep(sweep, images, folder, fan=fan, **how)
    finally:
        _write_figure(folder, style)
    result = judge(folder)
    write_verdict(folder, result)
    return result


def _write_figure(folder: Path, style: str) -> None:
    with contextlib.suppress(RunError):  # nothing is measured yet
        write(folder / "figure.svg", curves(folder, style=style))


def verdict(folder: str | Path) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on a finished sweep, from its files alone.

    Args:
        folder: of the sweep, as `degradation` wrote it.

    Raises:
        RunError: the folder holds no sweep.

    Example:
        >>> verdict("runs/degradation-demo").totals.plain_gap  # doctest: +SKIP
        31.12
    """
    return judge(Path(folder))


def _seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(given, int):
        if given < 1:
            raise OptionError(f"--seeds {given}: one seed or more is wanted.")
        return tuple(range(1, given + 1))
    return tuple(given)


def default_out(chosen: Recipe, out: str | Path | None = None) -> Path:
    """Return the folder of a sweep."""
    return Path(out) if out else Path("runs") / f"degradation-{chosen.name}"


def opening(
    asked: str, chosen: Recipe, depths: Sequence[int], seeds: int | Sequence[int], jobs: int | None
) -> str:
    """Return what a sweep begins with: the recipe, and for auto what `paper` would cost here."""
    line = f"recipe {chosen.sentence()}"
    if asked != "auto" or chosen.name != "demo":
        return line
    from archlab.train.cost import sweep_hours

    cores = jobs or os.cpu_count() or 1
    hours = sweep_hours(RECIPES["paper"], depths, 2 * len(_seeds(seeds)), cores)
    return (
        f"{line}\nno GPU: the demo. --recipe paper would take about {hours:,.0f} hours here, "
        f"{cores} runs side by side"
    )
