"""`python -m archlab.train.worker RUN N MODEL PARENT`: one run in a process of its own, one thread.

With N above 0 gradient norms by depth are recorded every N steps. MODEL is the spec that the user
gave: no other code of a user's is run. PARENT is the process that this one ends with.

Ctrl-C, SIGTERM and the end of the parent stop it between two steps, saved; before the first step,
with nothing to save, it ends at once. Exit codes: 0 over (done, failed or stopped); 2 an error with
one line on standard error, and 74 where that is a full disk.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from archlab.garbage import collect_seldom

_POLL = 0.5
_PATIENCE = 5.0  # seconds to save after the parent has gone


class Stop:
    """Becomes true with the first SIGINT or SIGTERM, or when the parent process is gone."""

    def __init__(self, parent: int) -> None:
        self.asked = False
        self._parent = parent
        self._training = False  # else there is nothing to save
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)
        threading.Thread(target=self._watch, daemon=True).start()

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        # Whoever asks waits, and imports and the first step may take many seconds more.
        if not self._training:
            os._exit(0)

    def _watch(self) -> None:
        # The system gives an orphan another parent.
        while os.getppid() == self._parent:
            time.sleep(_POLL)
        self.asked = True
        if self._training:
            time.sleep(_PATIENCE)
        os._exit(0)

    def __call__(self) -> bool:
        """Whether to stop; asked between two steps."""
        self._training = True
        return self.asked


def main() -> int:
    """Execute the run named on the command line."""
    # Before torch is imported, which takes a second: an interrupt then must not be lost.
    folder, every, model, parent = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    stop = Stop(int(parent))
    collect_seldom()
    import torch

    from archlab.errors import ArchlabError, WriteError
    from archlab.train.gradients import GradientProfiles
    from archlab.train.process import REFUSED
    from archlab.train.run import execute

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    profiles = [GradientProfiles(folder, every)] if every else []
    try:
        execute(folder, trusted=model, stop=stop, extra=profiles)
    except ArchlabError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED if isinstance(error, WriteError) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
