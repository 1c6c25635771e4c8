"""`python -m archlab.train.worker RUN [N]`: one run in a process of its own, with one thread.

With N above 0 gradient norms by depth are recorded every N steps.
Ctrl-C and the end of the parent stop it between two steps, saved. Exit codes: 0 over (done, failed
or stopped), 2 an error with one line on standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from archlab.garbage import collect_seldom


class Stop:
    """Becomes true with the first SIGINT, or when the parent process is gone."""

    def __init__(self) -> None:
        self.asked = False
        self._parent = os.getppid()
        signal.signal(signal.SIGINT, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def __call__(self) -> bool:
        """Whether to stop."""
        # The system gives an orphan another parent.
        return self.asked or os.getppid() != self._parent


def main() -> int:
    """Execute the run named on the command line."""
    # Before torch is imported, which takes a second: an interrupt then must not be lost.
    stop = Stop()
    collect_seldom()
    import torch

    from archlab.errors import ArchlabError
    from archlab.train.gradients import GradientProfiles
    from archlab.train.run import execute

    folder, every = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        execute(folder, stop=stop, extra=[GradientProfiles(folder, every)] if every else [])
    except ArchlabError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
