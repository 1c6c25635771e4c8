"""Local workers: what fails, hangs, dies or grows is an outcome, and never stops the others."""

import contextlib
import subprocess
import sys
import time

import psutil
import pytest

from archlab.engine import Job, Limits, process, run
from archlab.errors import EngineError, OptionError

MIB = 2**20


def outcomes(*jobs: Job, **options) -> dict:
    return {outcome.key: outcome for outcome in run(jobs, **options)}


def test_values_come_as_they_end(tmp_path) -> None:
    """A job that waits for a file comes last: the file is made when the others have come."""
    go = tmp_path / "go"
    jobs = [Job("slow", "errands:wait_for", (str(go),)),
            *(Job(str(i), "math:hypot", (3, i)) for i in range(9))]  # fmt: skip
    ended = []
    for outcome in run(jobs, side_by_side=2):
        ended.append(outcome)
        if len(ended) == 9:
            go.touch()
    assert ended[-1].key == "slow"
    assert {outcome.key: outcome.value for outcome in ended[:-1]}["4"] == 5.0
    assert all(outcome.attempts == 1 and not outcome.reason for outcome in ended)
    assert list(run([])) == []


def test_reasons_of_failures() -> None:
    by_key = outcomes(
        Job("raises", "math:sqrt", (-1,)),
        Job("exits", "sys:exit", (3,)),
        Job("dies", "os:abort"),
        Job("ends", "os:_exit", (7,)),
        Job("unknown", "math:nope"),
        Job("nowhere", "no_such_module:f"),
        Job("unsendable", "errands:closure"),
        Job("fine", "math:hypot", (3, 4)),
        side_by_side=2,
        limits=Limits(attempts=2),
    )
    reasons = {key: outcome.reason for key, outcome in by_key.items()}
    assert reasons["raises"] == "ValueError: math domain error"
    assert reasons["exits"] == "the code asked to end the process (SystemExit: 3)"
    assert reasons["dies"] == "crash: its process ended (killed by signal 6)"
    assert reasons["ends"] == "crash: its process ended (exit code 7)"
    assert "has no attribute 'nope'" in reasons["unknown"]
    assert "No module named 'no_such_module'" in reasons["nowhere"]
    assert "its value cannot be sent" in reasons["unsendable"]
    assert by_key["fine"].value == 5.0
    assert {key: outcome.attempts for key, outcome in by_key.items() if outcome.attempts > 1} == {
        "dies": 2, "ends": 2,
    }  # fmt: skip


def test_a_job_whose_process_died_once_is_done_again(tmp_path) -> None:
    (outcome,) = run([Job("a", "errands:dies_once", (str(tmp_path),))])
    assert (outcome.value, outcome.attempts, outcome.reason) == ("lived", 2, "")


def test_a_job_that_hangs_is_ended() -> None:
    by_key = outcomes(
        Job("hangs", "time:sleep", (3600,)), Job("fine", "math:hypot", (3, 4)),
        side_by_side=1, limits=Limits(seconds=2),
    )  # fmt: skip
    assert by_key["hangs"].reason == "timeout: no answer within 2 s"
    assert 2 <= by_key["hangs"].seconds < 60
    assert by_key["fine"].value == 5.0


def test_a_job_that_eats_the_memory_is_ended() -> None:
    by_key = outcomes(
        Job("fine", "math:hypot", (3, 4)), Job("eats", "errands:eat", (300,)),
        side_by_side=1, limits=Limits(memory=150 * MIB),
    )  # fmt: skip
    assert by_key["eats"].reason == "memory: its process grew beyond 150.00 MiB"
    assert by_key["eats"].attempts == 2, "once more in a process that did nothing else"
    assert by_key["fine"].value == 5.0


def test_a_process_that_has_grown_is_replaced() -> None:
    jobs = [Job(str(place), "errands:grow", (80,)) for place in range(3)]
    ended = list(run(jobs, side_by_side=1, limits=Limits(memory=150 * MIB)))
    assert len({outcome.value for outcome in ended}) == 3
    assert all(not outcome.reason and outcome.attempts == 1 for outcome in ended)


def test_closing_ends_the_workers() -> None:
    before = set(psutil.Process().children())
    jobs = [Job(str(i), "time:sleep", (3600 * i,)) for i in range(3)]
    with contextlib.closing(run(jobs)) as ended:
        next(ended)
        assert set(psutil.Process().children()) - before
    assert set(psutil.Process().children()) == before


def test_what_a_job_has_started_ends_with_it(tmp_path, monkeypatch) -> None:
    """The job's time is up as soon as its program runs: its number is in a file."""
    mark = tmp_path / "pid"
    busy = property(lambda _: 4.0 if mark.exists() and mark.read_text() else 0.0)
    monkeypatch.setattr(process.Worker, "busy_for", busy)
    code = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))"
    command = ["-c", f"{code}; time.sleep(3600)"]
    script = Job("a", "archlab.engine.script:run_script", (command,))
    (outcome,) = run([script], limits=Limits(seconds=3))
    assert outcome.reason == "timeout: no answer within 3 s"
    wait_until_gone(int(mark.read_text()))


def test_workers_do_not_outlive_their_owner() -> None:
    code = (
        "from archlab.engine import Job, run; import os, signal, psutil, threading, time\n"
        "def end():\n"
        "    while not (workers := psutil.Process().children()): time.sleep(0.02)\n"
        "    print(*[worker.pid for worker in workers], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "threading.Thread(target=end).start(); list(run([Job('a', 'time:sleep', (3600,))]))"
    )
    owner = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    workers = [int(number) for number in owner.stdout.split()]
    assert workers, owner.stderr
    wait_until_gone(*workers)


def wait_until_gone(*processes: int) -> None:
    deadline = time.monotonic() + 60  # only so that a fault ends the test
    while any(map(psutil.pid_exists, processes)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_a_job_prints_does_not_disturb() -> None:
    (outcome,) = run([Job("a", "builtins:print", ("x" * 100_000,))])
    assert (outcome.value, outcome.reason) == (None, "")


def test_wrong_calls(monkeypatch) -> None:
    with pytest.raises(OptionError, match=r"engine='locl' is unknown. Did you mean local"):
        run([], "locl")
    with pytest.raises(OptionError, match=r"address='here:1' is of a Ray.*engine='ray'"):
        run([], address="here:1")
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="cannot be started: exit code 1"):
        list(run([Job("a", "math:hypot", (3, 4))]))
