"""One trace at a time, and none that other threads notice.

What a trace sets for the whole process (random numbers, torch's functions and hooks) is set by one
thread at a time; and what stands in for a function of torch's does its work in that thread alone.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

# Re-entrant: a probe traces, and a trace builds.
_LOCK = threading.RLock()


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait until no other thread is inside."""
    with _LOCK:
        yield


def same_thread() -> Callable[[], bool]:
    """Return a function that tells whether it is called in the thread that this one was called in.

    Example:
        >>> same_thread()()
        True
    """
    own = threading.get_ident()
    return lambda: threading.get_ident() == own
