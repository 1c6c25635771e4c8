"""`python -m archlab.engine.worker`: performs one job after the other until its input ends.

Jobs come pickled on standard input, outcomes go out pickled where standard output was; what a job
prints goes to standard error. When the parent is gone the input ends, and so does this process, in
the middle of a job too.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import threading
from dataclasses import replace
from queue import SimpleQueue
from typing import IO

from archlab.engine.job import Job, Outcome, perform

READY = "ready"


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    gc.set_threshold(100_000, 20, 20)  # as in the command line: graphs are many small objects
    jobs: SimpleQueue[Job] = SimpleQueue()
    threading.Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    _answer(answers, READY)
    while True:
        outcome = perform(jobs.get())
        try:
            _answer(answers, outcome)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            _answer(answers, _unsendable(outcome, error))


def _read(source: IO[bytes], jobs: SimpleQueue[Job]) -> None:
    try:
        while True:
            jobs.put(pickle.load(source))
    except EOFError:
        os._exit(0)  # also out of a job that hangs


def _answer(target: IO[bytes], message: Outcome | str) -> None:
    target.write(pickle.dumps(message))
    target.flush()


def _unsendable(outcome: Outcome, error: Exception) -> Outcome:
    return replace(outcome, value=None, reason=f"its value cannot be sent: {error}")


if __name__ == "__main__":
    main()
