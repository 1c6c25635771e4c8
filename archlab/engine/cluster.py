"""Jobs as tasks of a Ray cluster, or of a Ray that is started here.

A job whose node or worker is lost is begun again elsewhere; outcomes come to this process as they
end, so that a lost node takes no finished one along. Limits of time and memory are kept by a
process of the job's node, the same one that keeps them on one machine.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

from archlab.engine.address import check_answers
from archlab.engine.job import Job, Limits, Needs, Outcome, perform
from archlab.engine.local import Pool
from archlab.engine.own import own_ray
from archlab.errors import DependencyError, EngineError, OptionError, keyword
from archlab.garbage import collect_seldom

_POLL = 0.5  # seconds between beats
_PATIENCE = 120.0  # seconds for jobs without limits to save after an interrupt


def run_on_ray(
    jobs: Sequence[Job],
    *,
    side_by_side: int | None = None,
    address: str | None = None,
    limits: Limits,
    beat: Callable[[], None] = lambda: None,
) -> Generator[Outcome]:
    """Yield outcomes as `archlab.engine.run` says."""
    ray = _ray()
    with _session(ray, address, side_by_side):
        _check_needs(ray, jobs)
        yield from _outcomes(ray, jobs, side_by_side or max(len(jobs), 1), limits, beat)


def gpus(address: str | None = None) -> float | None:
    """Return how many GPUs a Ray cluster has; None where none would be joined, but one started.

    Raises:
        DependencyError: Ray is not installed.
        EngineError: the cluster does not answer.
    """
    ray = _ray()
    if not (ray.is_initialized() or address or os.environ.get("RAY_ADDRESS")):
        return None
    with _session(ray, address, None):
        return float(sum(node["Resources"].get("GPU", 0) for node in ray.nodes() if node["Alive"]))


def task(job: Job, limits: Limits) -> Outcome:
    """Perform a job on its node; one with limits in a process that can be ended."""
    # A cluster that was started in the background ignores SIGINT, and its workers inherit that; but
    # a cancelled job is told by SIGINT to save.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    collect_seldom()
    if not limits.any:
        return perform(job)
    pool = _pool(limits)
    try:
        return next(pool.outcomes([job]))
    except BaseException:
        # An interrupt by `ray.cancel`: the job's process is not Ray's and would run on.
        pool.end()
        raise


# One pool a Ray worker, which performs many tasks: torch is imported once in its process.
@cache
def _pool(limits: Limits) -> Pool:
    return Pool(1, limits)


def _outcomes(
    ray: Any, jobs: Sequence[Job], most: int, limits: Limits, beat: Callable[[], None]
) -> Generator[Outcome]:
    # Ray would begin lost tasks again itself, but then nobody counts the attempts.
    remote = ray.remote(max_retries=0)(task)
    waiting = deque((job, 1) for job in jobs)
    running: dict[Any, tuple[Job, int]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < most:
                job, attempt = waiting.popleft()
                needs = {"num_cpus": job.needs.cpus, "num_gpus": job.needs.gpus}
                running[remote.options(name=job.key, **needs).remote(job, limits)] = job, attempt
            done, _ = ray.wait(list(running), timeout=_POLL)
            for reference in done:
                job, attempt = running.pop(reference)
                outcome = _outcome(ray, reference, job, attempt)
                if outcome is None and attempt < limits.attempts:
                    # The cluster learns of a lost node a moment later than we do of the lost job.
                    time.sleep(attempt)
                    waiting.append((job, attempt + 1))
                else:
                    yield outcome or Outcome(
                        job.key, reason="crash: its node or process was lost", attempts=attempt
                    )
            beat()
    finally:
        _cancel(ray, list(running), 0.0 if limits.any else _PATIENCE)


def _outcome(ray: Any, reference: Any, job: Job, attempt: int) -> Outcome | None:
    """Return what came of a task; None where it was lost with its node or worker."""
    try:
        outcome: Outcome = ray.get(reference)
    # `task` never raises, so an error inside it means that the node lacks archlab or what it needs.
    except ray.exceptions.RayTaskError as error:
        return Outcome(job.key, reason=f"its node cannot run it: {error.cause}", attempts=attempt)
    except ray.exceptions.RayError:
        return None
    return replace(outcome, attempts=outcome.attempts + attempt - 1)


def _cancel(ray: Any, running: list[Any], patience: float) -> None:
    """End tasks: first by a KeyboardInterrupt in them, then by force."""
    for force in (False, True):
        for reference in running:
            ray.cancel(reference, force=force)
        if running and patience and not force:
            _, running = ray.wait(running, num_returns=len(running), timeout=patience)


def _check_needs(ray: Any, jobs: Sequence[Job]) -> None:
    # Ray lets a task that fits no node wait for ever; a cluster may grow, so it is no error there.
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes = [Needs(node.get("CPU", 0), node.get("GPU", 0)) for node in resources]
    for needs in dict.fromkeys(job.needs for job in jobs):
        if not any(node.cpus >= needs.cpus and node.gpus >= needs.gpus for node in nodes):
            sizes = "; ".join(f"{node.cpus:g} CPU, {node.gpus:g} GPU" for node in nodes)
            raise OptionError(
                f"A job needs {needs.cpus:g} CPU and {needs.gpus:g} GPU, and no node of the "
                f"cluster has them (its nodes: {sizes}). Ask for less, or add a node: "
                "ray start --address=HEAD:6379."
            )


def _session(
    ray: Any, address: str | None, side_by_side: int | None
) -> AbstractContextManager[None]:
    # A notebook may have joined a cluster before: its connection is used, and left open.
    if ray.is_initialized():
        return nullcontext()
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    # Who joins a cluster trusts it, and takes what it answers for its own: none is joined unasked,
    # also not one that runs on this machine, which may be another user's.
    if known := address or os.environ.get("RAY_ADDRESS"):
        return _joined(ray, known, quiet)
    return own_ray(ray, side_by_side, quiet)


@contextmanager
def _joined(ray: Any, address: str, quiet: Mapping[str, Any]) -> Iterator[None]:
    if address != "auto":
        check_answers(address)
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, AssertionError) as error:
        first = next((line for line in str(error).splitlines() if line.strip()), "no reason given")
        raise EngineError(
            f"Ray does not let this process join {address}: {first} archlab runs on a node of the "
            "cluster, with the same versions of Ray and Python."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _ray() -> Any:
    # Ray reports its use to its makers unless told otherwise before it is imported.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Jobs run side by side, one a core, and workers inherit this: more threads only get in the way.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    try:
        import ray  # here: an extra, and a second
    except ImportError as error:
        raise DependencyError(
            f"Ray is not installed: pip install ray, or {keyword('engine', 'local')} ({error})."
        ) from error
    return ray
