"""A job, what it needs, what it may take, and what came of it: plain frozen data."""

from __future__ import annotations

import pkgutil
import time
from dataclasses import dataclass
from typing import Any

from archlab.contain import EndingError, contained, said
from archlab.errors import ArchlabError


@dataclass(frozen=True, slots=True)
class Needs:
    """What a job holds while it runs; a share of a GPU lets several jobs use one."""

    cpus: float = 1
    gpus: float = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a job may take: seconds, and resident bytes of its process; None is no limit.

    `attempts` is how often a job is tried whose process or node was lost.
    """

    seconds: float | None = None
    memory: int | None = None
    attempts: int = 3

    @property
    def any(self) -> bool:
        """Whether a job needs a process that can be ended."""
        return self.seconds is not None or self.memory is not None


@dataclass(frozen=True, slots=True)
class Job:
    """A call of `target` ("module:function"); arguments and value must be picklable."""

    key: str
    target: str
    arguments: tuple[Any, ...] = ()
    needs: Needs = Needs()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job's value, or the reason why there is none; `attempts` counts how often it was begun."""

    key: str
    value: Any = None
    reason: str = ""
    seconds: float = 0.0
    attempts: int = 1


def perform(job: Job) -> Outcome:
    """Call the job's function here; whatever it raises becomes the reason.

    Example:
        >>> perform(Job("a", "math:sqrt", (-1,))).reason
        'ValueError: math domain error'
    """
    begin = time.perf_counter()
    value, reason = None, ""
    try:
        with contained():
            value = pkgutil.resolve_name(job.target)(*job.arguments)
    except ArchlabError as error:
        reason = said(error)
    # Whatever it is, it must not stop the other jobs; the first line of torch's long ones will do.
    except Exception as error:  # noqa: BLE001
        line = next((line for line in str(error).splitlines() if line.strip()), "no message")
        reason = line if isinstance(error, EndingError) else f"{type(error).__name__}: {line}"
    return Outcome(job.key, value, reason, time.perf_counter() - begin)
