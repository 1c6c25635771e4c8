"""Ctrl-C, SIGTERM, SIGHUP and --timeout: what is done is kept, and how to go on is told.

All of them are a KeyboardInterrupt to the work; they differ in what is said, and in the exit code.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import typer

from archlab.cli.streams import say
from archlab.contain import end_process

_PATIENCE = 10.0  # seconds for work to end after its time is over


@dataclass(frozen=True)
class Reason:
    """Why a command ends before its work is done."""

    word: str
    code: int  # 128 and the number of the signal, as a shell reports it


INTERRUPTED = Reason("interrupted", 130)
_SIGNALS = {"SIGTERM": Reason("terminated", 143), "SIGHUP": Reason("the terminal is gone", 129)}

# One process runs one command; whoever ends it early says here why.
_reasons = [INTERRUPTED]


def reason() -> Reason:
    """Return why the command is ending."""
    return _reasons[-1]


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, and end with codes of their own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        if _reasons[-1] is INTERRUPTED:
            _reasons.append(_SIGNALS[signal.Signals(number).name])
        asked = signal.getsignal(signal.SIGINT)
        # A shell starts work in the background with Ctrl-C ignored.
        if not callable(asked):
            raise KeyboardInterrupt
        asked(signal.SIGINT, frame)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    # `nohup` starts a command with SIGHUP ignored, which then goes on.
    taken = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        del _reasons[1:]


@contextlib.contextmanager
def limited(seconds: float | None) -> Iterator[None]:
    """End what runs inside after so many seconds, as Ctrl-C does; None is no limit."""
    if seconds is None:
        yield
        return
    over = threading.Event()
    main = threading.main_thread().ident
    assert main is not None
    words = Reason(f"not done after {seconds:g} s, the limit of --timeout", 2)

    def watch() -> None:
        if over.wait(seconds):
            return
        _reasons.append(words)
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main, signal.SIGTERM)  # it ends a wait of the system, too
        else:
            signal.raise_signal(signal.SIGTERM)
        # Code that catches everything, or that does not come back to Python, is ended by force.
        if not over.wait(_PATIENCE):
            say(f"archlab: {words.word}; ended by force")
            import psutil  # here: ten milliseconds, and hardly ever wanted

            for child in psutil.Process().children(recursive=True):
                child.kill()
            end_process(words.code)

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


@contextlib.contextmanager
def told_on_interrupt() -> Iterator[None]:
    """End with the code of the reason after Ctrl-C, and say so."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"\narchlab: {reason().word}")
        raise typer.Exit(reason().code) from None


@contextlib.contextmanager
def saved_on_interrupt(place: Path | None, done: str = "trained") -> Iterator[None]:
    """End with the code of the reason, and say how to go on; what is done is in `place` by then."""
    try:
        yield
    except KeyboardInterrupt:
        if place is None:
            kept = f"What was {done} is lost: --out FILE keeps it."
        elif place.exists() or place.with_name(f"{place.name}.partial").exists():
            kept = f"What is {done} is kept in {place}; the same command goes on from there."
        else:
            kept = f"Nothing was {done} yet; the same command begins anew."
        # After a line break: the terminal shows ^C in front of it.
        say(f"\narchlab: {reason().word}. {kept}")
        raise typer.Exit(reason().code) from None


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Give an event that the first Ctrl-C sets, for work that saves itself; the second ends it."""
    # Python raises KeyboardInterrupt between any two lines, also while a checkpoint is written.
    stop = threading.Event()

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        again = " (Ctrl-C again ends at once)" if reason() is INTERRUPTED else ""
        say(f"\narchlab: saving, then ending{again}")

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
