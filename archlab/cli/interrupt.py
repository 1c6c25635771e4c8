"""Ctrl-C in long work: what is done is kept, and the reader is told how to go on."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import typer

INTERRUPTED = 130  # what a shell calls a program that Ctrl-C ended


@contextlib.contextmanager
def saved_on_interrupt(place: Path | None, done: str = "trained") -> Iterator[None]:
    """End with 130 after Ctrl-C, and say how to go on; what is done is in `place` by then."""
    try:
        yield
    except KeyboardInterrupt:
        # On standard error, and after a line break: the terminal shows ^C in front of it.
        print(
            f"\narchlab: interrupted. What is {done} is kept in {place}; the same command goes "
            "on from there."
            if place is not None
            else f"\narchlab: interrupted. What was {done} is lost: --out FILE keeps it.",
            file=sys.stderr,
        )
        raise typer.Exit(INTERRUPTED) from None


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C sets, for work that saves itself; the second ends it."""
    # Python raises KeyboardInterrupt between any two lines, also while a checkpoint is written.
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        print("\narchlab: saving, then ending (Ctrl-C again ends at once)", file=sys.stderr)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
