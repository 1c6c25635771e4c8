"""Independent jobs in, outcomes out: on this machine, or on a Ray cluster. No torch.

A job names a function and its arguments; it may run anywhere, and again if its process or its node
is lost. A job that fails, hangs or eats the memory is an outcome with its reason; it never stops
the others.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Generator, Iterable

from archlab.engine.job import Job, Limits, Needs, Outcome
from archlab.engine.sizes import cores
from archlab.errors import OptionError, check_one_of, keyword

__all__ = ["ENGINES", "Job", "Limits", "Needs", "Outcome", "cores", "run"]

# Names, not functions: Ray is imported only when it is asked for.
ENGINES = {
    "local": "archlab.engine.local:run_local",
    "ray": "archlab.engine.cluster:run_on_ray",
}


def run(
    jobs: Iterable[Job],
    engine: str = "local",
    *,
    side_by_side: int | None = None,
    address: str | None = None,
    limits: Limits | None = None,
    beat: Callable[[], None] = lambda: None,
) -> Generator[Outcome]:
    """Yield the outcome of every job, in the order in which they end.

    Closing the iterator, Ctrl-C included, stops what is running.

    Args:
        jobs: what to do; keys are unique.
        engine: a key of ENGINES.
        side_by_side: jobs at the same time; by default what cores (or the cluster) and memory hold.
        address: of a Ray cluster: HOST:PORT or auto; by default $RAY_ADDRESS, else one of its own.
        limits: seconds and bytes that a job may take.
        beat: called several times a second while jobs run.

    Raises:
        OptionError: an unknown engine, an address for local, or needs that no node meets.
        DependencyError: Ray is not installed.
        EngineError: the cluster does not answer, or workers cannot be started.

    Example:
        >>> [outcome.value for outcome in run([Job("a", "math:hypot", (3, 4))])]
        [5.0]
    """
    check_one_of("engine", engine, ENGINES)
    if address is not None and engine == "local":
        raise OptionError(
            f"{keyword('address', address)} is of a Ray cluster: add {keyword('engine', 'ray')}."
        )
    run_jobs: Callable[..., Generator[Outcome]] = pkgutil.resolve_name(ENGINES[engine])
    options = {"address": address} if engine == "ray" else {}
    limits = limits or Limits()
    return run_jobs(tuple(jobs), side_by_side=side_by_side, limits=limits, beat=beat, **options)
