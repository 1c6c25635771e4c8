"""The degradation experiment: plain and residual nets of several depths and seeds, side by side.

Runs are independent processes with one thread each; these nets are too small to gain from more.
Whatever is done stays done: a second start only fills the holes.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import ceil
from pathlib import Path

from archlab.data.sets import ImageSet
from archlab.engine import cores
from archlab.errors import (
    ArchlabError,
    OptionError,
    RunError,
    WriteError,
    check_one_of,
    keyword,
)
from archlab.lock import locked
from archlab.runs import ledger, record
from archlab.runs.progress import begun, over, show
from archlab.runs.recipe import Recipe
from archlab.runs.record import Plan
from archlab.train import device
from archlab.train.process import REFUSED, Started, failure, last_words, start, start_card
from archlab.train.remote import Fan, train_remotely
from archlab.verb import Progress
from archlab.zoo.options import is_cifar_depth, nearest_cifar_depths

KINDS = ("plain", "residual")
_POLL = 0.5
_PATIENCE = 120.0  # seconds for workers to save after an interrupt
_ON_A_CARD = 6  # runs that share a GPU: these nets leave most of it idle; an estimate
HERE = Fan()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What a sweep trains: every kind, depth and seed with one recipe on one set of images."""

    depths: tuple[int, ...]
    kinds: tuple[str, ...] = KINDS
    seeds: tuple[int, ...] = (1, 2, 3)
    recipe: Recipe
    data: str = "embedded"
    data_dir: str = ".data"

    def check(self) -> None:
        """Raise an OptionError unless kinds, depths and seeds make an experiment."""
        for depth in self.depths:
            if not is_cifar_depth(depth):
                near = " or ".join(map(str, nearest_cifar_depths(depth)))
                raise OptionError(
                    f"{keyword('depths')}: these nets have 6n + 2 layers, and {depth} is not "
                    f"6n + 2; try {near}."
                )
        for kind in self.kinds:
            check_one_of("kinds", kind, KINDS)
        if not self.depths or not self.kinds or not self.seeds:
            raise OptionError("A sweep needs a depth, a kind and a seed or more.")

    def plans(self, images: ImageSet) -> tuple[Plan, ...]:
        """Return a plan for every run, the longest first."""
        options = {
            "widths": list(self.recipe.widths),
            "in_channels": images.shape[0],
            "num_classes": self.recipe.categories or len(images.classes),
        }
        names = {"plain": "cifar_plain", "residual": "cifar_resnet"}
        # The time of a run grows with its depth: with the long ones first no core waits at the end.
        return tuple(
            Plan(
                model=f"{names[kind]}{depth}", options=options, seed=seed, recipe=self.recipe,
                data=self.data, data_dir=self.data_dir, data_name=images.name,
                fingerprint=images.fingerprint, kind=kind, depth=depth,
            )
            for depth in sorted(set(self.depths), reverse=True)
            for seed in dict.fromkeys(self.seeds)
            for kind in dict.fromkeys(self.kinds)
        )  # fmt: skip


def run_plans(
    plans: Sequence[Plan],
    out: Path,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    fan: Fan = HERE,
    settle: Callable[[], None] = lambda: None,
) -> None:
    """Train side by side what is not trained yet, and keep `ledger.csv` up to date.

    Other finished runs of the recipe and images that lie in the folder stay part of its sweep.

    Args:
        plans: independent runs, such as those of a sweep.
        out: the folder of their folders.
        jobs: runs side by side; None is one a core, and with CUDA six a GPU.
        progress: called twice a second with (work done, all work, which runs are under way).
        fan: processes of this machine, or a Ray cluster; and how often gradients are recorded.
        settle: called when the runs are over or were interrupted, while the folder is still locked.

    Raises:
        RunError: another sweep uses the folder, or a run ended with an error.
        WriteError: the disk is full; the running workers have ended.
        KeyboardInterrupt: after the running workers have saved.
    """
    with locked(out):
        _refuse_another(out, plans)
        for plan in plans:
            record.write_plan(out / plan.name, plan)
        ledger.write_sweep(out, [*plans, *finished_besides(out, plans)])
        ledger.write_ledger(out)
        try:
            errors = _trained(out, plans, jobs, progress, fan)
        except BaseException:
            # Why the work ended is told, and not what else cannot be written on a full disk.
            with contextlib.suppress(ArchlabError):
                ledger.write_ledger(out)
                settle()
            raise
        else:
            ledger.write_ledger(out)
            settle()
        finally:
            # What killed processes left, of runs that are over or were given up: who takes a run's
            # lock removes it. Where a lost node's process still holds it, nothing is left to do.
            for plan in plans:
                with contextlib.suppress(RunError), locked(out / plan.name):
                    pass
    if errors:
        name, why = next(iter(errors.items()))
        more = f" ({len(errors) - 1} more ended so)" if len(errors) > 1 else ""
        raise RunError(
            f"{name} did not end: {why}{more}. What is done is kept; the same command goes on."
        )


def _trained(
    out: Path, plans: Sequence[Plan], jobs: int | None, progress: Progress | None, fan: Fan
) -> dict[str, str]:
    """Train what is not over, and return which runs could not end, and why."""
    waiting = [plan for plan in plans if not over(out, plan)]
    if fan.engine != "local":
        return train_remotely(out, plans, waiting, fan, jobs, progress)
    groups, at_once = _groups(waiting, jobs, device.cards())
    pool = _Pool(out, plans, groups, at_once, fan.gradients)
    try:
        pool.work(progress)
    except (KeyboardInterrupt, WriteError):
        pool.interrupt()
        raise
    return pool.errors


def finished_besides(out: Path, plans: Sequence[Plan]) -> list[Plan]:
    """Return what else of the plans' sweep is over in the folder: of more seeds, say."""
    if not out.is_dir():
        return []
    return [plan for plan in ledger.further(out, plans) if over(out, plan)]


def _refuse_another(out: Path, plans: Sequence[Plan]) -> None:
    """Raise where the folder holds a sweep of another recipe or experiment."""
    # Its list of runs and its verdict would be written over.
    for name in ledger.sweep_runs(out):
        other = record.read_plan(out / name)
        if plans and not ledger.is_alike(other, plans[0]):
            raise RunError(
                f"{out} holds a sweep of another recipe, other images or other nets "
                f"({other.recipe.sentence()}; {other.data_name}). Give another {keyword('out')}."
            )


@dataclass(frozen=True)
class _Group:
    """The runs of one process: one, or on a GPU several that share it."""

    plans: Sequence[Plan]
    card: str = ""  # the GPU; empty where there is none
    side_by_side: int = 1

    def start(self, out: Path, gradients: int) -> Started:
        """Start the process."""
        # Nets of somebody else's may draw random numbers, of which a process has one stream.
        if not self.card or not _are_ours(self.plans):
            (plan,) = self.plans
            return start(out / plan.name, plan.model, gradients, self.card)
        runs = [(plan.name, plan.model) for plan in self.plans]
        return start_card(out, runs, gradients, self.side_by_side, self.card)


def _are_ours(plans: Sequence[Plan]) -> bool:
    return all(plan.kind in KINDS for plan in plans)


def default_jobs(plans: Sequence[Plan]) -> int:
    """Return how many runs are trained side by side on this machine unless somebody says."""
    cards = len(device.cards())
    if not cards:
        return cores()
    return cards * (_ON_A_CARD if _are_ours(plans) else 1)


def _groups(
    waiting: Sequence[Plan], jobs: int | None, cards: Sequence[str]
) -> tuple[list[_Group], int]:
    """Return the processes that train the plans, and how many of them run at a time."""
    count = jobs or default_jobs(waiting)
    if not cards:
        return [_Group([plan]) for plan in waiting], count
    if not _are_ours(waiting):
        dealt = zip(waiting, cycle(cards), strict=False)
        return [_Group([plan], card) for plan, card in dealt], count
    # The longest come first: dealt out in turn, each card has about as much to do.
    each = ceil(count / len(cards))
    shares = [(waiting[i :: len(cards)], card) for i, card in enumerate(cards)]
    groups = [_Group(share, card, min(each, len(share))) for share, card in shares if share]
    return groups, min(jobs or len(cards), len(cards))


class _Pool:
    """Worker processes, as many at a time as wanted, until the plans are trained."""

    def __init__(
        self, out: Path, plans: Sequence[Plan], groups: Sequence[_Group], jobs: int, gradients: int
    ) -> None:
        self.out, self.plans, self.jobs, self.gradients = out, plans, jobs, gradients
        self.waiting = list(groups)
        self.running: list[tuple[_Group, Started]] = []
        self.errors: dict[str, str] = {}

    def work(self, progress: Progress | None) -> None:
        """Train until nothing is left to do."""
        while self.waiting or self.running:
            while self.waiting and len(self.running) < self.jobs:
                group = self.waiting.pop(0)
                self.running.append((group, group.start(self.out, self.gradients)))
            time.sleep(_POLL)
            self._reap()
            names = [
                plan.name
                for group, _ in self.running
                for plan in group.plans
                if len(group.plans) == 1 or begun(self.out, [plan])
            ]
            show(progress, self.out, self.plans, names)

    def interrupt(self) -> None:
        """Ask every worker to save and end, and wait for them."""
        deadline = time.monotonic() + _PATIENCE
        # A second Ctrl-C reaches the workers, too; it must not end this wait for them.
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for _, (process, _) in self.running:
                # Not SIGINT: a sweep that a shell began in the background ignores that, and so does
                # a worker that has just been started.
                process.terminate()
            for _, (process, errors) in self.running:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                failure(process, errors)
        finally:
            signal.signal(signal.SIGINT, handler)

    def _reap(self) -> None:
        for running in list(self.running):
            group, (process, errors) = running
            if process.poll() is None:
                continue
            self.running.remove(running)
            if why := failure(process, errors):
                # Of several, each has left in its folder what was wrong with it.
                failed = {
                    plan.name: last_words(self.out / plan.name / record.ERRORS) or why
                    for plan in group.plans
                    if not over(self.out, plan)
                }
                if len(group.plans) == 1:
                    failed = {group.plans[0].name: why}
                # The disk is full for the other runs, too.
                if process.poll() == REFUSED:
                    name, why = next(iter(failed.items()))
                    raise WriteError(
                        f"{name} did not end: {why} What is done is kept; the same command goes on."
                    )
                self.errors |= failed
            ledger.write_ledger(self.out)
