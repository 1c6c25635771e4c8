"""One run on a node of a cluster, and a sweep as such runs: the same folders as on one machine.

The folder of the sweep is on storage that every node sees. A run is a process of its own there, as
it is here; one that was lost with its node goes on from its checkpoint on another.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from archlab.engine import Job, Needs, run
from archlab.engine.script import waited
from archlab.errors import RunError, keyword
from archlab.lock import locked
from archlab.runs import ledger, record
from archlab.runs.progress import begun, show
from archlab.runs.record import Plan
from archlab.train.process import failure, start
from archlab.verb import Progress

_POLL = 0.2
_PATIENCE = 120.0  # seconds for what is left of a lost run to let go


@dataclass(frozen=True, slots=True)
class Fan:
    """How runs are carried out; none of it changes a result.

    Attributes:
        engine: local or ray.
        address: of a Ray cluster.
        gpus: the share of a GPU that a run takes there.
        gradients: record gradient norms by depth every so many steps; 0 never.
    """

    engine: str = "local"
    address: str | None = None
    gpus: float = 0.0
    gradients: int = 0


class RemotePool:
    """The runs of a sweep as jobs of a cluster; `errors` says which could not end, and why."""

    def __init__(self, out: Path, plans: Sequence[Plan], waiting: Sequence[Plan], fan: Fan) -> None:
        self._out, self._plans, self._waiting, self._fan = out.absolute(), plans, waiting, fan
        self.errors: dict[str, str] = {}

    def work(self, jobs: int | None, progress: Progress | None) -> None:
        """Train what waits; Ctrl-C lets the running ones save.

        Args:
            jobs: runs at a time; None is as many as the cluster holds.
            progress: called twice a second, see `archlab.runs.progress.show`.
        """
        needs = Needs(cpus=1, gpus=self._fan.gpus)
        runs = [
            Job(plan.name, "archlab.train.remote:train_here",
                (str(self._out / plan.name), self._fan.gradients), needs)
            for plan in self._waiting
        ]  # fmt: skip

        def beat() -> None:
            show(progress, self._out, self._plans, begun(self._out, self._waiting))

        outcomes = run(
            runs, self._fan.engine, side_by_side=jobs, address=self._fan.address, beat=beat
        )
        with closing(outcomes):
            for outcome in outcomes:
                if outcome.reason:
                    self.errors[outcome.key] = outcome.reason
                ledger.write_ledger(self._out)
        beat()


def train_here(folder: str, gradients: int = 0) -> str:
    """Train the run of a folder in a process of its own, and return how it ended.

    A KeyboardInterrupt (the job was cancelled) lets it save first.

    Raises:
        RunError: the folder is not seen from here, or the run could not end.
    """
    path = Path(folder)
    if not (path / record.PLAN).is_file():
        raise RunError(
            f"{path} is not there on {socket.gethostname()}: {keyword('out')} must be a folder "
            "that every node of the cluster sees, under the same path."
        )
    _await_release(path)
    process, errors = start(path, gradients)
    waited(process)
    if why := failure(process, errors):
        raise RunError(why)
    return record.read_outcome(path).status


def _await_release(folder: Path) -> None:
    """Wait while what is left of a lost job saves and lets go of the folder."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with locked(folder):
                return
        except RunError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
