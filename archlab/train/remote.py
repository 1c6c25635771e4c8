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

import torch

from archlab.engine import Job, Needs, cluster, run
from archlab.engine.script import waited
from archlab.errors import RunError, keyword
from archlab.lock import locked
from archlab.runs import ledger, record
from archlab.runs.progress import begun, show
from archlab.runs.record import Plan
from archlab.train.device import has_cuda
from archlab.train.driver import unused_gpu
from archlab.train.process import failure, start
from archlab.verb import Progress

SHARE = 0.25  # of a GPU: these nets leave most of one idle
_POLL = 0.2
_PATIENCE = 120.0  # seconds for what is left of a lost run to let go


@dataclass(frozen=True, slots=True)
class Fan:
    """How runs are carried out; none of it changes a result.

    Attributes:
        engine: local or ray.
        address: of a Ray cluster.
        gpus: the share of a GPU that a run takes there; None is a quarter where the cluster has
            GPUs, and 0 is a CPU.
        gradients: record gradient norms by depth every so many steps; 0 never.
    """

    engine: str = "local"
    address: str | None = None
    gpus: float | None = None
    gradients: int = 0


def gpu_share(fan: Fan) -> float:
    """Return the share of a GPU that each run takes: as asked, else by what the cluster has.

    Raises:
        DependencyError: Ray is not installed.
        EngineError: the cluster does not answer.
    """
    if fan.gpus is not None:
        return fan.gpus
    count = cluster.gpus(fan.address)
    # Ray, where it is started here, finds the GPUs of this machine.
    there = has_cuda() if count is None else count > 0
    return SHARE if there else 0.0


def train_remotely(
    out: Path,
    plans: Sequence[Plan],
    waiting: Sequence[Plan],
    fan: Fan,
    jobs: int | None,
    progress: Progress | None,
) -> dict[str, str]:
    """Train waiting runs as jobs of a cluster, and return which could not end, and why.

    Ctrl-C lets those that run save. `jobs` are runs at a time; None is as many as the cluster
    holds.
    """
    # A relative path would mean another folder in a job's process.
    out = out.absolute()
    needs = Needs(cpus=1, gpus=gpu_share(fan))
    runs = [
        Job(
            key=plan.name,
            target=f"{__name__}:train_here",
            arguments=(str(out / plan.name), plan.model, fan.gradients, needs.gpus > 0),
            needs=needs,
        )
        for plan in waiting
    ]

    def beat() -> None:
        show(progress, out, plans, begun(out, waiting))

    errors = {}
    outcomes = run(runs, fan.engine, side_by_side=jobs, address=fan.address, beat=beat)
    with closing(outcomes):
        for outcome in outcomes:
            if outcome.reason:
                errors[outcome.key] = outcome.reason
            ledger.write_ledger(out)
    beat()
    return errors


def train_here(folder: str, model: str, gradients: int = 0, on_gpu: bool = False) -> str:  # noqa: FBT001, FBT002  a job's arguments have no names
    """Train the run of a folder in a process of its own, and return how it ended.

    A KeyboardInterrupt (the job was cancelled) lets it save first. A RunError says why it failed,
    or that a run which was given a GPU would train on a CPU here.
    """
    path = Path(folder)
    if not (path / record.PLAN).is_file():
        raise RunError(
            f"{path} is not there on {socket.gethostname()}: {keyword('out')} must be a folder "
            "that every node of the cluster sees, under the same path."
        )
    if on_gpu and not has_cuda():
        why = unused_gpu() or f"torch {torch.__version__} finds none there"
        raise RunError(
            f"{socket.gethostname()} was to train it on a GPU, and {why}. "
            f"{keyword('gpus', 0)} trains on CPUs."
        )
    # What is left of a job that was lost with its node may still save, and hold the folder's lock.
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with locked(path):
                break
        except RunError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
    process, errors = start(path, model, gradients)
    waited(process)
    if why := failure(process, errors):
        raise RunError(why)
    return record.read_outcome(path).status
