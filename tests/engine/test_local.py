"""Local workers: what fails, hangs, dies or grows is an outcome, and never stops the others."""

import contextlib
import subprocess
import sys
import time

import psutil
import pytest

from archlab.engine import Job, Limits, process, run, sizes
from archlab.engine.job import perform
from archlab.errors import EngineError, OptionError

MIB = 2**20


def outcomes(*jobs: Job, **how) -> dict:
    return {item.key: item for item in run(jobs, **how)}


def test_values_come_as_they_end() -> None:
    jobs = [Job("slow", "time:sleep", (1,)), *(Job(str(i), "math:hypot", (3, i)) for i in range(9))]
    found = list(run(jobs, side_by_side=2))
    assert found[-1].key == "slow"
    assert {item.key: item.value for item in found[:-1]}["4"] == 5.0
    assert all(item.attempts == 1 and not item.reason for item in found)
    assert list(run([])) == []


def test_reasons_of_failures() -> None:
    found = outcomes(
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
    reasons = {key: item.reason for key, item in found.items()}
    assert reasons["raises"] == "ValueError: math domain error"
    assert reasons["exits"] == "SystemExit: 3"
    assert reasons["dies"] == "crash: its process ended (killed by signal 6)"
    assert reasons["ends"] == "crash: its process ended (exit code 7)"
    assert "has no attribute 'nope'" in reasons["unknown"]
    assert "No module named 'no_such_module'" in reasons["nowhere"]
    assert "its value cannot be sent" in reasons["unsendable"]
    assert found["fine"].value == 5.0
    assert {key: item.attempts for key, item in found.items() if item.attempts > 1} == {
        "dies": 2, "ends": 2,
    }  # fmt: skip


def test_a_job_whose_process_died_once_is_done_again(tmp_path) -> None:
    (found,) = run([Job("a", "errands:dies_once", (str(tmp_path),))])
    assert (found.value, found.attempts, found.reason) == ("lived", 2, "")


def test_a_job_that_hangs_is_ended() -> None:
    begin = time.monotonic()
    found = outcomes(
        Job("hangs", "time:sleep", (60,)), Job("fine", "math:hypot", (3, 4)),
        side_by_side=1, limits=Limits(seconds=1),
    )  # fmt: skip
    assert found["hangs"].reason == "timeout: no answer within 1 s"
    assert found["fine"].value == 5.0
    assert time.monotonic() - begin < 20


def test_a_job_that_eats_the_memory_is_ended() -> None:
    found = outcomes(
        Job("fine", "math:hypot", (3, 4)), Job("eats", "errands:eat", (300,)),
        side_by_side=1, limits=Limits(memory=150 * MIB),
    )  # fmt: skip
    assert found["eats"].reason == "memory: its process grew beyond 150.00 MiB"
    assert found["eats"].attempts == 2, "once more in a process that did nothing else"
    assert found["fine"].value == 5.0


def test_a_process_that_has_grown_is_replaced() -> None:
    jobs = [Job(str(place), "errands:grow", (80,)) for place in range(3)]
    found = list(run(jobs, side_by_side=1, limits=Limits(memory=150 * MIB)))
    assert len({item.value for item in found}) == 3
    assert all(not item.reason and item.attempts == 1 for item in found)


def test_closing_ends_the_workers() -> None:
    before = set(psutil.Process().children())
    with contextlib.closing(run([Job(str(i), "time:sleep", (60 * i,)) for i in range(3)])) as found:
        next(found)
        assert set(psutil.Process().children()) - before
    assert set(psutil.Process().children()) == before


def test_what_a_job_has_started_ends_with_it(tmp_path) -> None:
    mark = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))"
    script = Job("a", "archlab.engine.script:run_script", (["-c", f"{code}; time.sleep(60)"],))
    (found,) = run([script], limits=Limits(seconds=3))
    assert found.reason == "timeout: no answer within 3 s"
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(mark.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_script_that_fails_is_told(tmp_path) -> None:
    where = "archlab.engine.script:run_script"
    found = outcomes(
        Job("fails", where, (["-c", "raise ValueError('too many')"],)),
        Job("nowhere", where, (["x.py"], str(tmp_path / "no"))),
        Job("fine", where, (["-c", "print(1); print(2)"], str(tmp_path))),
    )
    assert found["fails"].reason.endswith("ended with 1: ValueError: too many")
    assert "No folder" in found["nowhere"].reason
    assert found["fine"].value == "2"


def test_workers_do_not_outlive_their_owner() -> None:
    code = (
        "from archlab.engine import Job, run; import os, signal, psutil, threading, time\n"
        "def end():\n"
        "    time.sleep(2); print(*[c.pid for c in psutil.Process().children()], flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "threading.Thread(target=end).start(); list(run([Job('a', 'time:sleep', (60,))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    workers = [int(number) for number in done.stdout.split()]
    assert workers, done.stderr
    deadline = time.monotonic() + 10
    while any(map(psutil.pid_exists, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_a_job_prints_does_not_disturb() -> None:
    (found,) = run([Job("a", "builtins:print", ("x" * 100_000,))])
    assert (found.value, found.reason) == (None, "")


def test_wrong_calls(monkeypatch) -> None:
    with pytest.raises(OptionError, match=r"engine 'locl' is unknown. Did you mean local"):
        run([], "locl")
    with pytest.raises(OptionError, match="add --engine ray"):
        run([], address="here:1")
    monkeypatch.setattr(process.sys, "executable", "/bin/false")
    with pytest.raises(EngineError, match="cannot be started: exit code 1"):
        list(run([Job("a", "math:hypot", (3, 4))]))


def test_workers_by_cores_and_memory(monkeypatch) -> None:
    monkeypatch.setattr(sizes, "cores", lambda: 8)
    free = psutil.virtual_memory().available
    assert sizes.workers(None) == 8
    assert sizes.workers(free // 3) in (2, 3, 4)  # what is free moves
    assert sizes.workers(100 * free) == 1
    assert sizes.workers(free, asked=5) == 5


def test_perform_reports_an_empty_message() -> None:
    assert perform(Job("a", "errands:eat", ("x",))).reason.startswith("TypeError")
