"""The verbs of training: the degradation experiment, its verdict, and curves from files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archlab.api.figures import STYLES, curves
from archlab.engine import ENGINES
from archlab.errors import OptionError, RunError, check_one_of, did_you_mean
from archlab.spec import parse_options
from archlab.train.recipe import RECIPES, Recipe, field_names, recipe
from archlab.train.record import write_bytes
from archlab.train.verdict import VerdictRow, VerdictTotals, write_verdict
from archlab.train.verdict import verdict as judge

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
        **how: `data` and `data_dir` (see `archlab.train.images.load_images`), `download`, `jobs`
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
    from archlab.train.degradation import Sweep, run_sweep
    from archlab.train.images import load_images, located
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
        write_bytes(folder / "figure.svg", curves(folder, style=style))


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


def chosen_recipe(given: Recipe | str) -> Recipe:
    """Return a recipe given as itself or by name; auto is paper with CUDA, else demo."""
    if isinstance(given, Recipe):
        return given
    if given == "auto":
        from archlab.train.device import has_cuda

        given = "paper" if has_cuda() else "demo"
    return recipe(given)


def default_data(chosen: Recipe) -> str:
    """Return the images a recipe is made for."""
    return "embedded" if chosen.name == "demo" else "cifar10"


def _seeds(given: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(given, int):
        if given < 1:
            raise OptionError(f"--seeds {given}: one seed or more is wanted.")
        return tuple(range(1, given + 1))
    return tuple(given)


def recipe_of(name: str, config: Path | None = None, settings: Sequence[str] = ()) -> Recipe:
    """Return a recipe by name (auto included), changed by a YAML file and `key=value` texts."""
    if name == "auto":
        name = chosen_recipe("auto").name
    return recipe(name, config, parse_options(list(settings)))


def recipe_and_options(
    name: str, config: Path | None = None, settings: Sequence[str] = (), model: str = ""
) -> tuple[Recipe, dict[str, object]]:
    """Return a recipe, and the constructor arguments among the `key=value` texts.

    A key that a recipe has changes the recipe; any other is an argument of the model.

    Raises:
        OptionError: neither the recipe nor the model, where one is named, has the key.
    """
    given = parse_options(list(settings))
    changes = {key: value for key, value in given.items() if key in field_names()}
    if name == "auto":
        name = chosen_recipe("auto").name
    others = {key: value for key, value in given.items() if key not in changes}
    if others and model:
        _check_keys(others, model)
    return recipe(name, config, changes), others


def _check_keys(keys: Iterable[str], model: str) -> None:
    """Raise where a key is none of the recipe's and none of the model's arguments."""
    from archlab.train.build import option_names  # here: verdicts and recipes need no torch

    taken = option_names(model)
    for key in keys:
        if taken is not None and key not in taken:
            raise OptionError(
                f"--set {key}: neither the recipe nor {model} has it."
                f"{did_you_mean(key, (*field_names(), *taken))} The recipe has "
                f"{', '.join(field_names())}; {model} takes {', '.join(taken) or 'nothing'}."
            )


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
