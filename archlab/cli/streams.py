"""Who writes where: an answer to standard output, everything else to standard error.

A model's code prints, closes and replaces streams as it likes. While a command works, standard
output is kept from it, so that a record in JSON is nothing but a record.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from archlab.errors import WriteError
from archlab.quoting import visible_lines


@dataclass(frozen=True)
class Streams:
    """The streams of archlab's own."""

    answers: Any
    messages: Any


# One process runs one command; these are the streams of the one that works, if any.
_working: list[Streams] = []


class Closed(io.TextIOBase):
    """The standard output of a process that was started without one."""

    def write(self, _text: str) -> int:
        """Raise a WriteError."""
        raise WriteError("Standard output is closed: there is nowhere to write the answer to.")


class Visible:
    """A stream for messages, in which no name acts on a terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, with an escape for what would not show."""
        self._stream.write(visible_lines(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Be the stream in all else."""
        return getattr(self._stream, name)


def fill() -> None:
    """Open what the process was started without, so that no file takes the place of a stream."""
    # The lowest free number is given to the file that is opened next.
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = Closed()
    if sys.stderr is None:  # `print` would write its messages to standard output
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack × and ─
        sys.stdout.reconfigure(errors="replace")


@contextlib.contextmanager
def visible_messages() -> Iterator[None]:
    """Let what the parser of the command line says show names as they are."""
    before: Any = sys.stderr
    sys.stderr = Visible(before)
    try:
        yield
    finally:
        sys.stderr = before


@contextlib.contextmanager
def apart() -> Iterator[None]:
    """Keep standard output and input from whatever runs inside."""
    saved = sys.stdin, sys.stdout, sys.stderr
    with contextlib.ExitStack() as stack:
        if _is_of_process(sys.stdout, 1) and _is_of_process(sys.stderr, 2):
            lent = stack.enter_context(_descriptors_apart())
        else:  # a test, a notebook: there is nothing below Python to be kept
            _working.append(Streams(sys.stdout, sys.stderr))
            lent = sys.stderr
            sys.stdout = lent
        try:
            yield
        finally:
            if sys.stdout is not lent or lent.closed:
                say("archlab: the model's code closed or replaced sys.stdout; no answer is lost")
            sys.stdin, sys.stdout, sys.stderr = saved
            _working.pop()


@contextlib.contextmanager
def _descriptors_apart() -> Iterator[IO[str]]:
    """Give the code inside copies of standard error, also below Python; yield its output."""
    flush()
    kept = [os.dup(number) for number in (0, 1, 2)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    lent = [_text(os.dup(2), buffering=1) for _ in "12"]
    answers, messages = _text(os.dup(1)), _text(os.dup(2))
    closed = isinstance(sys.stdout, Closed)
    _working.append(Streams(sys.stdout if closed else answers, messages))
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout, sys.stderr = lent
    sys.stdin = os.fdopen(nothing)
    opened = [sys.stdin, *lent, answers, messages]
    threads = set(threading.enumerate())
    try:
        yield lent[0]
    finally:
        # A thread that goes on may print until the process ends, and the answer is written.
        if set(threading.enumerate()) - threads:
            os.dup2(2, kept[1])
        for number, copy in enumerate(kept):
            os.dup2(copy, number)
            os.close(copy)
        for stream in opened:
            with contextlib.suppress(OSError, ValueError):
                stream.close()


def _text(number: int, buffering: int = -1) -> IO[str]:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return os.fdopen(number, "w", buffering, encoding=encoding, errors="replace")


def _is_of_process(stream: IO[str] | None, number: int) -> bool:
    """Whether a stream of Python's is the process's own."""
    try:
        return isinstance(stream, Closed) or (stream is not None and stream.fileno() == number)
    except (OSError, ValueError, AttributeError):
        return False


def answer(content: str | bytes) -> None:
    """Write an answer to standard output, all of it; a text gets a line break.

    Raises:
        WriteError: standard output is closed, or its disk is full.
        BrokenPipeError: the reader of a pipe has gone.
    """
    stream: Any = _working[-1].answers if _working else sys.stdout
    try:
        if isinstance(stream, Closed):
            stream.write("")
        if isinstance(content, bytes):
            stream.flush()
            stream.buffer.write(content)
        else:
            stream.write(f"{content}\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WriteError(f"Standard output cannot be written: {error.strerror}.") from error


def say(message: str) -> None:
    """Write a message to standard error; where that is not possible, nobody could be told."""
    stream = (_working[-1].messages if _working else None) or sys.stderr
    with contextlib.suppress(OSError, ValueError):
        stream.write(f"{visible_lines(message)}\n")
        stream.flush()


def is_terminal() -> bool:
    """Whether answers are read on a terminal."""
    stream = _working[-1].answers if _working else sys.stdout
    return bool(stream.isatty())


def has_colours() -> bool:
    """Whether an answer may have colours: on a terminal, if nobody asks for none (no-color.org)."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Return how many characters a line of the terminal has that reads answers."""
    stream = _working[-1].answers if _working else sys.stdout
    with contextlib.suppress(OSError, ValueError, AttributeError):
        if "COLUMNS" not in os.environ:
            return os.get_terminal_size(stream.fileno()).columns or 80
    return shutil.get_terminal_size().columns


def flush() -> None:
    """Write out what is left in the buffers."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(ValueError):  # closed
            stream.flush()


def drop() -> None:
    """Let what is left in standard output go; Python would complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
