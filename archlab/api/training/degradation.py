"""The verbs of training: the degradation experiment, its verdict, and curves from files."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from archlab.api.training.curves import STYLES, curves
from archlab.api.training.recipes import ANY, Images, chosen_recipe, opening as recipe_opening
from archlab.engine import ENGINES, cores
from archlab.errors import OptionError, RunError, check_one_of, keyword
from archlab.runs.ledger import read_runs
from archlab.runs.recipe import RECIPES, Recipe
from archlab.runs.verdict import (
    VERDICT,
    VerdictRow,
    VerdictTotals,
    judged,
    verdict as judge,
    write_verdict,
)
from archlab.verb import Progress, verb

if TYPE_CHECKING:
    from archlab.result import Result
    from archlab.train.remote import Fan


@verb
def degradation(
    *,
    depths: Sequence[int] = (20, 56),
    kinds: Sequence[str] = ("plain", "residual"),
    seeds: int | Sequence[int] = 3,
    recipe: Recipe | str = "auto",
    data: str | None = None,
    data_dir: str | Path = ".data",
    download: bool = False,
    out: str | Path | None = None,
    jobs: int | None = None,
    engine: str = "local",
    address: str | None = None,
    gpus: float | None = None,
    gradients: int | None = None,
    style: str = "fig6",
    say: Callable[[str], None] | None = None,
    progress: Progress | None = None,
) -> Result[VerdictTotals, VerdictRow]:
    """Train plain and residual nets of several depths, and return the verdict.

    Args:
        depths: layers, each 6n + 2; the verdict compares the deepest with the shallowest.
        kinds: plain, residual or both.
        seeds: how many (1, 2 …), or which.
        recipe: a recipe or its name; "auto" is paper with a GPU and CIFAR-10, else demo.
        data: the images, see `archlab.data.sets.load_images`; None takes the recipe's own.
        data_dir: where official archives are, or go.
        download: fetch an official archive that is absent.
        out: the folder of the sweep; runs/degradation-RECIPE by default.
        jobs: runs side by side; by default one a core, and with CUDA six a GPU.
        engine: "local" (processes of this machine) or "ray".
        address: of a Ray cluster, HOST:PORT.
        gpus: with Ray, the share of a GPU that a run takes; 0 is a CPU. By default a quarter where
            the cluster has GPUs, else 0.
        gradients: record gradient norms by depth every so many steps.
        style: of the figure, "fig6" or "fig1", see `curves`.
        say: called with how long it will take here, an estimate, before the first run starts,
            unless that is less than a minute.
        progress: called with (done, total, what runs), twice a second.

    Raises:
        OptionError: a depth that is not 6n + 2, an unknown kind or recipe, or what only a Ray
            cluster takes.
        DataError: the images are absent or corrupt.
        RunError: another process uses the folder, or a run could not end.

    Example:
        >>> degradation(depths=(8, 14), out="runs/small").totals.outcome  # doctest: +SKIP
        'not shown'
    """
    from archlab.data.sets import load_images, located
    from archlab.train.cost import tell
    from archlab.train.degradation import (  # here: torch, which verdicts do without
        Sweep,
        default_jobs,
        finished_besides,
        run_plans,
    )
    from archlab.train.device import has_cuda
    from archlab.train.remote import Fan, gpu_share

    recipe = chosen_recipe(recipe, Images(data, data_dir, download))
    data = data or recipe.made_for
    sweep = Sweep(
        depths=tuple(depths), kinds=tuple(kinds), seeds=_seeds(seeds), recipe=recipe,
        data=located(data), data_dir=str(Path(data_dir).absolute()),
    )  # fmt: skip
    sweep.check()  # before images are fetched and processes started
    if len(set(sweep.depths)) < 2:
        raise OptionError(f"A verdict needs two depths or more, as {keyword('depths')} 20,56.")
    check_one_of("engine", engine, ENGINES)
    check_one_of("style", style, STYLES)
    if engine == "local" and (gpus is not None or address):
        raise OptionError(
            f"{keyword('gpus')} and {keyword('address')} belong to a Ray cluster: add "
            f"{keyword('engine', 'ray')}."
        )
    images = load_images(data, Path(data_dir), download=download)
    folder = default_out(recipe, out)
    fan = Fan(engine, address, gpus, gradients or 0)
    plans = sweep.plans(images)
    images.tell(say)
    if say is not None:
        if engine != "local":
            fan = replace(fan, gpus=gpu_share(fan))
            say(_of_cluster(fan))
        # Another kind of device than this machine's takes another time.
        if engine == "local" or bool(fan.gpus) == has_cuda():
            side = jobs or (default_jobs(plans) if engine == "local" else 1)
            tell(say, {folder / plan.name: plan for plan in plans}, images, side)
    besides = len(finished_besides(folder, plans))
    if besides and say is not None:
        say(_of_besides(folder, besides, len(plans)))
    settle = partial(_settle, folder, style, say)
    run_plans(plans, folder, jobs=jobs, progress=progress, fan=fan, settle=settle)
    return judged(read_runs(folder, [plan.name for plan in plans]))


def _settle(folder: Path, style: str, say: Callable[[str], None] | None) -> None:
    """Write verdict and figure of what was measured; also after Ctrl-C, when it may be little."""
    found = judge(folder)
    write_verdict(folder, found)
    unfinished = sum(row.status in ("planned", "interrupted") for row in found.rows)
    if unfinished and say is not None:
        ended = len(found.rows) - unfinished
        say(f"{VERDICT} is partial: {ended} of {len(found.rows)} runs are over")
    with contextlib.suppress(RunError):  # nothing was measured
        curves(folder, style=style).save(folder / "figure.svg")


def _of_besides(folder: Path, besides: int, asked: int) -> str:
    """Return in words what a folder holds beside the runs that were asked for."""
    more = f"{besides} more finished runs" if besides > 1 else "one more finished run"
    return (
        f"{folder} holds {more} of this recipe: its ledger, {VERDICT} and figure are of all "
        f"{besides + asked}, and the answer is of the {asked} that were asked for"
    )


def _of_cluster(fan: Fan) -> str:
    """Return what the runs of a cluster train on, in words."""
    if fan.gpus:
        return f"each run takes {fan.gpus:g} of a GPU of the cluster"
    share = keyword("gpus", 0.25)
    return f"each run trains on a CPU core of the cluster; {share} would give it a share of a GPU"


@verb
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


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    # Counted from 1, as a table of runs is read.
    if isinstance(seeds, int):
        if seeds < 1:
            raise OptionError(f"{keyword('seeds', seeds)}: one seed or more is needed.")
        return tuple(range(1, seeds + 1))
    return tuple(seeds)


def default_out(recipe: Recipe, out: str | Path | None = None) -> Path:
    """Return the folder of a sweep."""
    return Path(out) if out else Path("runs") / f"degradation-{recipe.name}"


def opening(
    name: str,
    recipe: Recipe,
    depths: Sequence[int],
    seeds: int | Sequence[int],
    jobs: int | None,
    images: Images = ANY,
) -> str:
    """Return what a sweep begins with: the recipe, and for the demo what `paper` would take here.

    Args:
        name: the recipe that was asked for.
        recipe: the one that is taken.
        depths, seeds, jobs: of the sweep; both kinds of nets are counted.
        images: where they are looked for.
    """
    line = recipe_opening(name, recipe, images)
    if name != "auto" or recipe.name != "demo":
        return line
    from archlab.train import cost
    from archlab.train.build import build

    # `paper` is what the experiment needs; whoever runs the demo should know what that would take.
    paper, side = RECIPES["paper"], jobs or cores()
    with cost.one_thread():
        seconds = cost.seconds_a_step(build("resnet20", {}, seed=0), paper, (3, 32, 32), 10)
    layer = seconds * cost.steps_of_run(paper, 50_000, 10_000) / 20
    each = [layer * depth for depth in depths for _ in range(2 * len(_seeds(seeds)))]
    return f"{line}\nestimate for --recipe paper: {cost.duration(each, side)}"
