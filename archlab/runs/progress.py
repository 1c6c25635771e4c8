"""How far a sweep is, read from its folder: the files know it, whoever trains. No torch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archlab import files
from archlab.runs import record
from archlab.runs.record import Plan


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is: runs over, running, in all; the share of the work; seconds left."""

    over: int
    running: tuple[str, ...]
    runs: int
    share: float
    elapsed: float
    left: float | None


class Tracker:
    """Looks at a sweep's folder; time counts from when it is made."""

    def __init__(self, out: Path, plans: Sequence[Plan]) -> None:
        self._out, self._plans = out, plans
        self._begin, self._first = time.monotonic(), self._share()

    def progress(self, running: Sequence[str]) -> Progress:
        """Return how far the sweep is; `running` are the names of runs under way."""
        share, elapsed = self._share(), time.monotonic() - self._begin
        gained = share - self._first
        left = elapsed * (1 - share) / gained if gained > 0.005 else None
        done = sum(over(self._out, plan) for plan in self._plans)
        return Progress(done, tuple(running), len(self._plans), share, elapsed, left)

    def begun(self, among: Sequence[Plan]) -> list[str]:
        """Return the names of runs that have begun and are not over."""
        return [
            plan.name
            for plan in among
            if (self._out / plan.name / record.PROGRESS).is_file() and not over(self._out, plan)
        ]

    def _share(self) -> float:
        """Return the share of all work that is done; a layer and a step count as one."""
        done = whole = 0.0
        for plan in self._plans:
            folder = self._out / plan.name
            state = files.read_json(folder / record.PROGRESS) if (
                folder / record.PROGRESS).is_file() else {"step": 0, "total": 1}  # fmt: skip
            part = 1.0 if over(self._out, plan) else state["step"] / max(state["total"], 1)
            layers = max(plan.depth, 1)
            done, whole = done + part * layers, whole + layers
        return done / whole


def over(out: Path, plan: Plan) -> bool:
    """Whether a run has ended, well or not."""
    return (out / plan.name / record.DONE).is_file()
