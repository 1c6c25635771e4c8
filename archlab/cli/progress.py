"""How far long work is, on standard error: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from archlab.cli.streams import say
from archlab.quoting import visible
from archlab.verb import Progress

_EVERY = 30.0  # seconds between lines where nobody watches


@contextlib.contextmanager
def progress_shown(*, lines: bool = False) -> Iterator[Progress | None]:
    """Give a function for (done, total, what comes next), or None where nobody would see it.

    With `lines`, for work of minutes and hours, a log file gets a line every 30 seconds.
    """
    if not sys.stderr.isatty():
        yield _every_now_and_then() if lines else None
        return
    from rich.console import Console  # here: only where a bar is drawn
    from rich.progress import (
        BarColumn,
        Progress as Bar,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    # `transient`, so that the answer of a command follows its line, without a finished bar between.
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=None)

    def show(done: float, total: float, what: str) -> None:
        bar.start()  # not before: what is said until then would stand in the bar's line
        bar.update(task, completed=done, total=total, description=visible(what))

    try:
        yield show
    finally:
        bar.stop()


def _every_now_and_then() -> Progress:
    """Return a function that writes a line first, every 30 seconds, and once at the end."""
    begin = time.monotonic()  # not of the clock on the wall, which may be set while work runs
    last: float | None = None
    first: float | None = None
    over = False

    def show(done: float, total: float, what: str) -> None:
        nonlocal last, first, over
        now, end = time.monotonic(), done >= total
        # Work that goes on where it was begins with a part of it done, which took no time: what is
        # left is estimated from the progress since.
        first = done if first is None else first
        if (end and not over) or last is None or now - last >= _EVERY:
            last, over = now, end
            gained = done - first
            left = None if end or gained <= 0 else (now - begin) / gained * (total - done)
            say(line(done / total, what, now - begin, left))

    return show


def line(share: float, what: str, elapsed: float, left: float | None = None) -> str:
    """Return how far work is, in one line.

    Example:
        >>> line(0.25, "plain-56-seed1", 75.2, 3725.0)
        ' 25 % · 1:15, 1:02:05 left · plain-56-seed1'
    """
    rest = "" if left is None else f", {clock(left)} left"
    return f"{100 * share:3.0f} % · {clock(elapsed)}{rest} · {what}"


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them.

    Example:
        >>> clock(75), clock(3725)
        ('1:15', '1:02:05')
    """
    # Rounded first: 59.6 seconds are 1:00 and not 0:60.
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
