"""One worker process as its owner sees it: give it a job, hear from it, end it."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from queue import SimpleQueue

from archlab.engine.job import Job, Outcome
from archlab.engine.sizes import resident

Message = Outcome | str | None  # READY, an outcome, or None: the process is gone


class Worker:
    """A process with one thread that performs one job at a time; a resource, `end` frees it.

    It works on `job`, or is idle where that is None, for the `attempt`-th time, and was given
    `begun` jobs in all.
    """

    def __init__(self, inbox: SimpleQueue[tuple[Worker, Message]]) -> None:
        self.job: Job | None = None
        self.attempt = self.begun = 0
        self.ready = False
        self._inbox, self._since = inbox, time.monotonic()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed by `end`
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)  # noqa: PTH100
        serial = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        # -P: a file of the user's folder must not stand in for a module of Python's. A session of
        # its own: Ctrl-C is for the owner alone, and `end` reaches what a job has started.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "archlab.engine.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path, **serial},
            start_new_session=True,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def give(self, job: Job, attempt: int) -> None:
        """Begin a job; a process that is gone already is heard of in the inbox."""
        self.job, self.attempt, self._since = job, attempt, time.monotonic()
        self.begun += 1
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(pickle.dumps(job))
            self._process.stdin.flush()

    @property
    def busy_for(self) -> float:
        """Seconds since the job was given."""
        return time.monotonic() - self._since

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return resident(self._process.pid)

    def end(self) -> None:
        """End the process, whatever it does, and what its job has started."""
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            # Closing writes what is left in the buffer, and nobody is there to read it.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()

    def last_words(self) -> str:
        """Return why a process that is gone may have ended: a signal, or its last line."""
        code = self._process.wait()
        if code < 0:
            return f"killed by signal {-code}"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"exit code {code}" + (f", {lines[-1]}" if lines else "")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            while True:
                self._inbox.put((self, pickle.load(self._process.stdout)))  # noqa: S301  our child writes it
        # A process that is killed while it answers leaves half a pickle.
        except (EOFError, OSError, pickle.UnpicklingError):
            self._inbox.put((self, None))
