"""One worker process as its owner sees it: what it answers, and why it is gone."""

import os
import signal
from queue import SimpleQueue

import psutil
import pytest

from archlab.engine import Job, Outcome
from archlab.engine.process import Worker
from archlab.engine.worker import READY


@pytest.fixture
def inbox() -> SimpleQueue:
    return SimpleQueue()


@pytest.fixture
def worker(inbox):
    process = Worker(inbox)
    assert inbox.get(timeout=60) == (process, READY)
    yield process
    process.end()


def test_jobs_are_answered_by_one_process(worker, inbox) -> None:
    for attempt, job in enumerate((Job("a", "os:getpid"), Job("b", "os:getpid")), 1):
        worker.give(job, attempt)
        sender, outcome = inbox.get(timeout=60)
        assert (sender, outcome.key, outcome.value) == (worker, job.key, worker._process.pid)
    assert (worker.attempt, worker.begun) == (2, 2)
    assert worker.memory == pytest.approx(psutil.Process(outcome.value).memory_info().rss, rel=0.5)


def test_a_process_that_is_gone_says_why(worker, inbox) -> None:
    worker.give(Job("a", "os:_exit", (7,)), 1)
    assert inbox.get(timeout=60) == (worker, None)
    assert worker.last_words() == "exit code 7"
    # A job for a process that is gone raises nothing: its owner hears of it in the inbox.
    worker.give(Job("b", "math:hypot", (3, 4)), 1)


def test_a_signal_is_named(worker, inbox) -> None:
    os.kill(worker._process.pid, signal.SIGTERM)
    assert inbox.get(timeout=60) == (worker, None)
    assert worker.last_words() == f"killed by signal {int(signal.SIGTERM)}"


def test_the_end_of_a_worker_ends_a_job_that_hangs(inbox) -> None:
    process = Worker(inbox)
    process.give(Job("a", "time:sleep", (3600,)), 1)
    process.end()
    assert not psutil.pid_exists(process._process.pid)
    assert not isinstance(inbox.get(timeout=60)[1], Outcome)
