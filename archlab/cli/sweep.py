"""The progress of a sweep on standard error: one line that changes, or a line now and then."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from archlab.runs.progress import Progress

_EVERY = 30.0  # seconds between lines where nobody watches


def reporter() -> Callable[[Progress], None]:
    """Return a function that shows each progress it is told."""
    watched, last = sys.stderr.isatty(), [-_EVERY]

    def report(progress: Progress) -> None:
        end = progress.over == progress.runs and not progress.running
        if watched:
            print(f"\r\x1b[K{line(progress)}", end="\n" if end else "", file=sys.stderr, flush=True)
        elif end or progress.elapsed - last[0] >= _EVERY:
            last[0] = progress.elapsed
            print(line(progress), file=sys.stderr, flush=True)

    return report


@contextlib.contextmanager
def saved_on_interrupt(place: Path | None, done: str = "trained") -> Iterator[None]:
    """End with 130 after Ctrl-C, and say how to go on; what is done is in `place` by then.

    Raises:
        typer.Exit: Ctrl-C was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        print(
            f"\narchlab: interrupted. What is {done} is kept in {place}; the same command goes "
            "on from there."
            if place is not None
            else f"\narchlab: interrupted. What was {done} is lost: --out FILE keeps it.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None


def line(progress: Progress) -> str:
    """Return how far a sweep is, in one line."""
    left = "" if progress.left is None or progress.share >= 1 else f", {clock(progress.left)} left"
    running = f" · running {', '.join(map(_short, progress.running))}" if progress.running else ""
    return (
        f"{100 * progress.share:3.0f} % · {progress.over} of {progress.runs} runs over · "
        f"{clock(progress.elapsed)}{left}{running}"
    )


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them.

    Example:
        >>> clock(75), clock(3725)
        ('1:15', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _short(run: str) -> str:
    return run.rpartition("-")[0]
