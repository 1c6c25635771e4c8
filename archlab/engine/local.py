"""Jobs on this machine: processes that live long, so that torch is imported once in each.

A process that takes too long or too much memory is ended and replaced, and its job is an outcome
with the reason. What earlier jobs left in a process is not held against a job: it gets a fresh one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue

from archlab.engine.job import Job, Limits, Outcome
from archlab.engine.process import Message, Worker
from archlab.engine.sizes import workers
from archlab.errors import EngineError
from archlab.result import size

_POLL = 0.1  # seconds between looks at clocks and memory
_GROWN = 0.6  # share of the memory limit from which an idle worker is replaced


def run_local(
    jobs: Sequence[Job],
    *,
    side_by_side: int | None = None,
    limits: Limits,
    beat: Callable[[], None] = lambda: None,
) -> Generator[Outcome]:
    """Yield outcomes as `archlab.engine.run` says."""
    pool = Pool(min(workers(limits.memory, side_by_side), max(len(jobs), 1)), limits, beat)
    try:
        yield from pool.outcomes(jobs)
    finally:
        pool.end()


class Pool:
    """Workers, as many as wanted, and the jobs that wait for one; a resource, `end` frees it."""

    def __init__(self, count: int, limits: Limits, beat: Callable[[], None] = lambda: None) -> None:
        self._count, self._limits, self._beat = count, limits, beat
        self._workers: list[Worker] = []
        self._inbox: SimpleQueue[tuple[Worker, Message]] = SimpleQueue()
        self._waiting: deque[tuple[Job, int]] = deque()
        self._alone: deque[tuple[Job, int]] = deque()  # for a worker that has done nothing else
        self._looked = time.monotonic()

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Yield the outcome of every job."""
        self._waiting.extend((job, 1) for job in jobs)
        while self._waiting or self._alone or any(worker.job for worker in self._workers):
            self._hire()
            outcome = self._hear()
            if outcome is not None:
                yield outcome
            # Many short jobs answer faster than that; reading a process's memory is a system call.
            if time.monotonic() - self._looked >= _POLL:
                self._looked = time.monotonic()
                self._beat()
                yield from self._over_limits()

    def end(self) -> None:
        """End every worker."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()

    def _hire(self) -> None:
        """Start workers for what waits, and give jobs to those that are idle."""
        for worker in [worker for worker in self._workers if worker.ready and not worker.job]:
            if self._alone and not worker.begun:
                worker.give(*self._alone.popleft())
            elif self._waiting:
                worker.give(*self._waiting.popleft())
            elif self._alone:
                # It has done other jobs: a fresh one, started below, takes its place.
                self._dismiss(worker)
        # A worker that is still importing torch will take a job, so that none is started for it.
        coming = sum(not worker.ready for worker in self._workers)
        needed = len(self._waiting) + len(self._alone) - coming
        for _ in range(min(needed, self._count - len(self._workers))):
            self._workers.append(Worker(self._inbox))

    def _hear(self) -> Outcome | None:
        try:
            worker, message = self._inbox.get(timeout=_POLL)
        except Empty:
            return None
        # What a worker said before it was ended may still lie in the inbox.
        if worker not in self._workers:
            return None
        if message is None:
            return self._lost(worker)
        if isinstance(message, str):
            worker.ready = True
            return None
        worker.job = None
        # What earlier jobs have left behind would count against the next job's limit.
        limit = self._limits.memory
        if limit is not None and worker.memory > _GROWN * limit:
            self._dismiss(worker)
        return replace(message, attempts=worker.attempt)

    def _lost(self, worker: Worker) -> Outcome | None:
        job, why = worker.job, worker.last_words()
        self._dismiss(worker)
        if job is None and worker.ready:
            return None
        if job is None:
            raise EngineError(f"A worker process cannot be started: {why}.")
        if worker.attempt < self._limits.attempts:
            self._alone.append((job, worker.attempt + 1))
            return None
        return _failed(worker, job, f"crash: its process ended ({why})")

    def _over_limits(self) -> Iterator[Outcome]:
        seconds, memory = self._limits.seconds, self._limits.memory
        for worker, job in [(worker, worker.job) for worker in self._workers]:
            if job is None:
                continue
            if seconds is not None and worker.busy_for > seconds:
                self._dismiss(worker)
                yield _failed(worker, job, f"timeout: no answer within {seconds:g} s")
            elif memory is not None and worker.memory > memory:
                self._dismiss(worker)
                # A worker that did other jobs may be full of theirs: once more, in a fresh one.
                if worker.begun > 1 and worker.attempt < self._limits.attempts:
                    self._alone.append((job, worker.attempt + 1))
                else:
                    yield _failed(worker, job, f"memory: its process grew beyond {size(memory)}")

    def _dismiss(self, worker: Worker) -> None:
        self._workers.remove(worker)
        worker.end()


def _failed(worker: Worker, job: Job, reason: str) -> Outcome:
    return Outcome(job.key, None, reason, worker.busy_for, worker.attempt)
