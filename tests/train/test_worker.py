"""The process of one run: it survives kill −9, saves at Ctrl-C, and does not outlive its parent."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from archlab.errors import RunError
from archlab.lock import locked
from archlab.runs import record
from archlab.train.run import execute

pytestmark = pytest.mark.slow


def test_kill_9_in_the_middle_changes_no_weight(
    planned, images, source, largest_difference
) -> None:
    """One run in this process to the end; one in others, killed with SIGKILL and begun again."""
    straight, broken = (
        planned(name, steps=60, eval_every=30, checkpoint_every=7) for name in ("a", "b")
    )
    record.write_plan(broken, replace(record.read_plan(broken), data=source))
    worker = start(broken)
    wait_for((broken / record.CHECKPOINT).exists)
    worker.send_signal(signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL
    assert record.read_outcome(broken).status == "interrupted"
    assert start(broken).wait() == 0
    execute(straight, images=images)
    assert largest_difference(straight, broken) == 0.0
    assert {path.name for path in broken.iterdir()} == {path.name for path in straight.iterdir()}


def test_ctrl_c_saves_and_a_lost_parent_too(planned, source) -> None:
    folder = planned("run", steps=10_000, eval_every=10_000, checkpoint_every=10_000)
    record.write_plan(folder, replace(record.read_plan(folder), data=source))
    worker = start(folder)
    wait_for((folder / record.PROGRESS).exists)
    worker.send_signal(signal.SIGINT)
    assert worker.wait() == 0
    first = record.read_outcome(folder)
    assert (first.status, first.step > 0) == ("interrupted", True)
    # A parent that dies without a word: the worker notices, saves and ends.
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-m', "\
           f"'archlab.train.worker', {str(folder)!r}]); sys.stdin.read()"  # fmt: skip
    parent = subprocess.Popen([sys.executable, "-c", code], env=environment(),
                              stdin=subprocess.PIPE)  # fmt: skip
    wait_for(lambda: record.read_outcome(folder).step > first.step)
    parent.kill()
    parent.communicate()
    wait_for(lambda: released(folder))
    assert record.read_outcome(folder).step > first.step
    assert record.read_outcome(folder).status == "interrupted"


def start(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "archlab.train.worker", str(folder)],
                            env=environment())  # fmt: skip


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def wait_for(condition) -> None:
    deadline = time.monotonic() + 300  # only so that a fault ends the test: starts take seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def released(folder: Path) -> bool:
    try:
        with locked(folder):
            return True
    except RunError:
        return False
