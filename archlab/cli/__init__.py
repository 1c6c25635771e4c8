"""The command line: parse, call the api, print. One command a file, no logic.

Errors that archlab raises on purpose become one message on standard error and exit code 2;
`--debug` shows the traceback. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import signal
import sys
import threading
from pathlib import Path

from archlab.cli import streams
from archlab.cli.app import app
from archlab.cli.interrupt import reason, terminable
from archlab.contain import EndingError, code_of_others, end_process, kept_alive, said
from archlab.errors import ArchlabError, WriteError
from archlab.garbage import collect_seldom

__all__ = ["app", "main"]

_INPUT, _FAULT, _OUTPUT, _READER_GONE = 2, 70, 74, 141
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
_TOO_DEEP = (
    "Something is nested deeper than Python can follow: modules, a list, a file. Give something "
    "flatter."
)
_TOO_LARGE = "The memory of this machine is not enough. Give a smaller model, input or batch."
_PATIENCE = 2.0  # seconds for threads that a model's code has started


def main() -> None:
    """Run the command line and exit with a code of docs/exit-codes.md."""
    collect_seldom()
    # From the line itself, because an error may be raised before any option is parsed.
    debug = "--debug" in sys.argv
    streams.fill()
    threads = set(threading.enumerate())
    code = 0
    with terminable(), streams.visible_messages():
        try:
            app(prog_name="archlab")
        except SystemExit as end:
            # Where the reader of a pipe (head, less) has gone, typer ends with 1, as a failed
            # check. 141 is what a shell calls a program that the system ended for it.
            gone = isinstance(end.__context__, BrokenPipeError)
            code = _READER_GONE if gone else _whole(end.code)
            # While options are parsed typer catches it: 130, whatever the reason, and no word.
            if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
                code = _failed(reason().word, reason().code)
        except KeyboardInterrupt:  # before a command has begun
            code = _failed(reason().word, reason().code)
        except Exception as error:
            if debug:
                raise
            code = _failed(*_explained(error))
    _leave(_flushed(code), threads)


def _explained(error: Exception) -> tuple[str, int]:
    """The message for an error, and the exit code."""
    if isinstance(error, WriteError):
        return str(error), _OUTPUT
    if isinstance(error, ArchlabError):
        return str(error), _INPUT
    if isinstance(error, EndingError):
        return f"The model's code failed: {error}.", _INPUT
    if isinstance(error, ImportError):
        return (
            f"{error}. A package is missing or broken: `archlab doctor` says which, and the "
            "command that gets it.",
            _INPUT,
        )
    if isinstance(error, OSError) and error.errno in _FULL:
        place = error.filename or "The answer"
        return f"{place} cannot be written: {error.strerror}.", _OUTPUT
    # A name that is too long, a circle of links: the system says it of any question about a path.
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}.", _INPUT
    if isinstance(error, RecursionError):
        return _TOO_DEEP, _INPUT
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return _TOO_LARGE, _INPUT
    if place := code_of_others(error):
        return f"The model's own code failed in {place}: {said(error)}", _INPUT
    # 70 is what sysexits.h calls a fault inside a program.
    return (
        f"unexpected {type(error).__name__}: {error}\n"
        "This is a fault of archlab. Run again with --debug and report what it shows.",
        _FAULT,
    )


def _failed(message: str, code: int) -> int:
    streams.say(f"archlab: {message}")
    return code


def _whole(code: object) -> int:
    return code if isinstance(code, int) else int(code is not None)


def _flushed(code: int) -> int:
    """Write out what is left, and return the exit code: another one where that fails."""
    try:
        streams.flush()
    except BrokenPipeError:
        streams.drop()
    except OSError as error:
        streams.drop()
        return code or _failed(f"Standard output cannot be written: {error.strerror}.", _OUTPUT)
    return code


def _is_whole_process() -> bool:
    """Whether Python was started for archlab alone, and not by a program that calls `main`."""
    started = Path(getattr(sys.modules["__main__"], "__file__", None) or "")
    return started.stem == "archlab" or started.parent == Path(__file__).parents[1]


def _leave(code: int, before: set[threading.Thread]) -> None:
    """End the process, also where threads that a model's code has started would go on."""
    whole = _is_whole_process()
    # Ctrl-C from here on would show a traceback of Python's own end.
    if whole and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    started = [each for each in threading.enumerate() if each not in before and not each.daemon]
    for thread in started:
        thread.join(_PATIENCE / len(started))
    if left := [thread.name for thread in started if thread.is_alive()]:
        streams.say(f"archlab: threads of the model's code still run, and end now: {left}")
    if left or whole:
        # What a model's file has registered may print, and may try to end with another code.
        with contextlib.suppress(BaseException), streams.apart(), kept_alive():
            atexit._run_exitfuncs()
        end_process(_flushed(code))
    raise SystemExit(code)  # `sys.exit` may have been replaced by now
