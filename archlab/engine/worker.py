"""`python -m archlab.engine.worker`: performs one job after the other until its input ends.

Jobs come pickled on standard input, outcomes go out pickled where standard output was; what a job
prints goes to standard error. When the parent is gone the input ends, and so does this process, in
the middle of a job too.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from queue import SimpleQueue
from typing import IO

from archlab.engine.job import Job, Outcome, perform
from archlab.garbage import collect_seldom

READY = "ready"


def main() -> None:
    """Serve until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    collect_seldom()
    jobs: SimpleQueue[Job] = SimpleQueue()
    # Read in a thread, so that the end of the input is seen while a job runs.
    threading.Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    _answer(answers, READY)
    while True:
        outcome = perform(jobs.get())
        try:
            _answer(answers, outcome)
        # Pickle says in three ways that a value, such as a local function, cannot be sent.
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            reason = f"its value cannot be sent: {error}"
            _answer(answers, Outcome(outcome.key, None, reason, outcome.seconds))


def _read(source: IO[bytes], jobs: SimpleQueue[Job]) -> None:
    try:
        while True:
            jobs.put(pickle.load(source))  # noqa: S301  a pipe that our parent alone writes
    except EOFError:
        # sys.exit would end this thread alone, and wait for a job that hangs.
        os._exit(0)


def _answer(target: IO[bytes], message: Outcome | str) -> None:
    target.write(pickle.dumps(message))
    target.flush()


if __name__ == "__main__":
    main()
