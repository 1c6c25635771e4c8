"""How far a sweep is, read from its folder: the files know it, whoever trains. No torch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from archlab.runs import record
from archlab.runs.record import Plan
from archlab.verb import Progress


def show(
    progress: Progress | None, out: Path, plans: Sequence[Plan], running: Collection[str]
) -> None:
    """Call a progress function with the work done, all work, and which runs are under way."""
    if progress is None:
        return
    # The time of a step grows with the depth: so counted, the time left follows from the work done.
    layers = [max(plan.depth, 1) for plan in plans]
    done = sum(depth * _share(out, plan) for depth, plan in zip(layers, plans, strict=True))
    # A run's name ends in its id, which tells people nothing.
    names = ", ".join(name.rpartition("-")[0] for name in running)
    ended = sum(over(out, plan) for plan in plans)
    what = f"{ended} of {len(plans)} runs over" + (f" · running {names}" if names else "")
    progress(done, sum(layers), what)


def begun(out: Path, plans: Sequence[Plan]) -> list[str]:
    """Return the names of runs that have begun and are not over."""
    return [plan.name for plan in plans if 0 < _share(out, plan) < 1]


def over(out: Path, plan: Plan) -> bool:
    """Whether a run has ended, well or not."""
    return (out / plan.name / record.DONE).is_file()


def _share(out: Path, plan: Plan) -> float:
    """Return which share of a run's steps is done."""
    if over(out, plan):
        return 1.0
    step, total = record.read_progress(out / plan.name)
    return min(step / max(total, 1), 1.0)
