"""Rows for many models: what a file lacks is measured by an engine, and kept as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from archlab.engine import Job, Limits, Outcome, run
from archlab.errors import OptionError, keyword
from archlab.files import remove_leftovers
from archlab.lock import locked
from archlab.result import size
from archlab.survey import store
from archlab.survey.row import Request, ScanRow
from archlab.verb import Progress
from archlab.version import __version__

_LEAST = 2**27  # bytes of a worker below which nothing could ever run


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """Where and within which limits a scan measures its models.

    Attributes:
        engine: local (processes of this machine) or ray.
        jobs: models at the same time; by default what cores and memory hold.
        address: of a Ray cluster, HOST:PORT.
        timeout: seconds a model may take.
        memory: bytes a worker process may take.
        retry: measure rows again that have an error.
        progress: called with how many models are done, of how many, and which was the last.

    Raises:
        OptionError: less memory than a worker needs to start.

    Example:
        >>> ScanSettings(jobs=2, timeout=60).engine
        'local'
    """

    engine: str = "local"
    jobs: int | None = None
    address: str | None = None
    timeout: float = 120.0
    memory: int = 2 * 2**30
    retry: bool = False
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.memory < _LEAST:
            raise OptionError(
                f"{keyword('memory')} {size(self.memory)}: a worker with torch in it takes more. "
                f"Allowed: {size(_LEAST)} or more; 2 GiB hold most models."
            )


def gather(requests: Sequence[Request], out: Path | None, settings: ScanSettings) -> list[ScanRow]:
    """Return a row for every request; with `out` only what it lacks is measured, and all is kept.

    Raises:
        OutputError: the file holds something else, or cannot be written.
        RunError: another scan writes the same file.
    """
    if out is None:
        rows = {row.key: row for row in _measured(requests, settings)}
        return [rows[request.model, request.asked] for request in requests]
    # Refuses a file that is no scan before a lock or a folder is made beside it.
    store.check_format(out)
    store.read(out)
    with locked(store.partial_folder(out)), store.Journal(out) as journal:
        remove_leftovers(out.parent, out.name)
        known = {row.key: row for row in (*store.read(out), *journal.rows())}
        keys = [(request.model, request.asked) for request in requests]
        order = list(dict.fromkeys([*known, *keys]))
        waiting = []
        for request, key in zip(requests, keys, strict=True):
            # A user's file may have changed since: its name says nothing of what it holds.
            lacking = key not in known or ".py:" in request.model
            if lacking or (settings.retry and known[key].error):
                waiting.append(request)
        try:
            for row in _measured(waiting, settings):
                journal.append(row)
                known[row.key] = row
        finally:
            if known or out.exists():
                store.save(out, [known[key] for key in order if key in known])
            journal.clear()
    return [known[key] for key in keys]


def _measured(requests: Sequence[Request], settings: ScanSettings) -> Iterator[ScanRow]:
    target = "archlab.api.scale.row:measure"
    jobs = [Job(str(place), target, (request,)) for place, request in enumerate(requests)]
    limits = Limits(settings.timeout, settings.memory)
    outcomes = run(
        jobs, settings.engine, side_by_side=settings.jobs, address=settings.address, limits=limits
    )
    with closing(outcomes):
        for done, outcome in enumerate(outcomes, 1):
            row = _row(requests[int(outcome.key)], outcome)
            if settings.progress is not None:
                settings.progress(done, len(jobs), row.model)
            yield row


def _row(request: Request, outcome: Outcome) -> ScanRow:
    if not outcome.reason:
        return ScanRow(**outcome.value)
    return ScanRow(
        model=request.model,
        asked=request.asked,
        seconds=round(outcome.seconds, 3),
        error=outcome.reason,
        versions=f"archlab {__version__}",
    )
