"""Ctrl-C as a question instead of an exception, and the progress of one run."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType, TracebackType

from archlab.cli.sweep import clock

_EVERY = 30.0  # seconds between lines where nobody watches


class Watch:
    """`with Watch() as stop`: the first Ctrl-C makes `stop()` true, the second ends at once."""

    def __init__(self) -> None:
        self.asked = False
        self._last, self._begin = 0.0, time.monotonic()
        self._first: int | None = None
        self._over = False

    def __enter__(self) -> Watch:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.asked

    def report(self, step: int, total: int) -> None:
        """Show how far the run is, and the time left."""
        now = time.monotonic()
        if self._first is None:
            self._first, self._begin = step, now
        done, end = step - self._first, step >= total
        if end and self._over:
            return
        self._over = end
        left = f", {clock((now - self._begin) / done * (total - step))} left" if done else ""
        line = f"step {step:,} of {total:,}{'' if end else left}"
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="\n" if end else "", file=sys.stderr, flush=True)
        elif end or now - self._last >= _EVERY:
            self._last = now
            print(line, file=sys.stderr, flush=True)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("\narchlab: saving, then ending (Ctrl-C again ends at once)", file=sys.stderr)
