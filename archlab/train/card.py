"""`python -m archlab.train.card OUT N PARENT SIDE_BY_SIDE RUN MODEL RUN MODEL …`: runs on one GPU.

The runs share the process, a thread and a CUDA stream each, because kernels of several processes
take turns on a card and those of several streams do not. OUT is the folder of the runs; the other
words are those of `archlab.train.worker`.

A run that does not find enough memory waits until another has ended, and one run fewer is trained
side by side from then on; alone on the card it fails. Why a run failed stands in its folder. Exit
codes: 0, 2 where a run failed, and 74 where the system refused to write.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from archlab.errors import ArchlabError, NoMemoryError, WriteError
from archlab.garbage import collect_seldom
from archlab.runs import record
from archlab.train.process import REFUSED
from archlab.train.worker import Stop

Execute = Callable[[Path, str], object]


class Card:
    """Trains runs side by side, as many as the card has memory for.

    Args:
        runs: the folder and the spec of each.
        execute: trains one; it raises a NoMemoryError where memory is short.
        stop: whether no further run is to begin.

    Attributes:
        errors: what each run that failed raised.
    """

    def __init__(
        self, runs: Iterable[tuple[Path, str]], execute: Execute, stop: Callable[[], bool]
    ) -> None:
        self._waiting = deque(runs)
        self._execute, self._stop = execute, stop
        self._running = 0
        self._lock = threading.Lock()
        self.errors: dict[Path, Exception] = {}

    def work(self, side_by_side: int) -> None:
        """Train until no run waits."""
        threads = [threading.Thread(target=self._serve) for _ in range(side_by_side)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _serve(self) -> None:
        while (run := self._next()) is not None:
            failure: Exception | None = None
            try:
                self._execute(*run)
            except Exception as error:  # noqa: BLE001  it is the error of one run
                failure = error
            with self._lock:
                self._running -= 1
                if isinstance(failure, NoMemoryError) and self._running:
                    self._waiting.append(run)
                    return
                if failure is not None:
                    self.errors[run[0]] = failure

    def _next(self) -> tuple[Path, str] | None:
        with self._lock:
            if not self._waiting or self._stop():
                return None
            self._running += 1
            return self._waiting.popleft()


def main() -> int:
    """Train the runs that the command line names."""
    out, every, parent, side_by_side, *words = sys.argv[1:]
    stop = Stop(int(parent))
    collect_seldom()
    import torch

    from archlab.train.gradients import GradientProfiles
    from archlab.train.run import execute

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def train(folder: Path, model: str) -> None:
        profiles = [GradientProfiles(folder, int(every))] if int(every) else []
        execute(folder, trusted=model, stop=stop, extra=profiles)

    runs = [(Path(out) / name, model) for name, model in zip(*[iter(words)] * 2, strict=True)]
    card = Card(runs, train, lambda: stop.asked)
    card.work(int(side_by_side))
    for folder, error in card.errors.items():
        report(folder, error)
    refused = any(isinstance(error, WriteError) for error in card.errors.values())
    return REFUSED if refused else 2 * bool(card.errors)


def report(folder: Path, error: Exception) -> None:
    """Write why a run failed into its folder: a sentence of ours, or the traceback."""
    lines = [str(error)] if isinstance(error, ArchlabError) else traceback.format_exception(error)
    with contextlib.suppress(OSError):
        (folder / record.ERRORS).write_text("".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
