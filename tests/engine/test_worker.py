"""The protocol of a worker: pickles in, pickles out, and an end when its input ends."""

import io
import pickle
import subprocess
import sys

from archlab.engine import Job
from archlab.engine.worker import READY


def served(*jobs: Job) -> tuple[list[object], str, int]:
    """Return what a worker answers to jobs whose input then ends, its errors, and its code."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "archlab.engine.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    answers = [pickle.load(worker.stdout)]
    for job in jobs:
        worker.stdin.write(pickle.dumps(job))
        worker.stdin.flush()
        answers.append(pickle.load(worker.stdout))
    rest, errors = worker.communicate()
    assert not io.BytesIO(rest).read()
    return answers, errors.decode(), worker.returncode


def test_answers_follow_jobs_and_prints_go_elsewhere() -> None:
    jobs = (Job("a", "math:hypot", (3, 4)), Job("b", "builtins:print", ("hello",)),
            Job("c", "math:sqrt", (-1,)))  # fmt: skip
    (ready, *outcomes), errors, code = served(*jobs)
    assert ready == READY
    assert [(outcome.key, outcome.value) for outcome in outcomes] == [
        ("a", 5.0), ("b", None), ("c", None),
    ]  # fmt: skip
    assert outcomes[2].reason == "ValueError: math domain error"
    assert (errors.strip(), code) == ("hello", 0)


def test_a_value_that_cannot_be_sent_is_a_reason() -> None:
    (_, outcome), _, _ = served(Job("a", "threading:Lock"))
    assert (outcome.key, outcome.value) == ("a", None)
    assert outcome.reason.startswith("its value cannot be sent: ")
