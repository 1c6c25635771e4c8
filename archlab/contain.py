"""What code that is not archlab's may not do to the process: end it, fork it, move its folder.

A model's constructor and forward, and the file that they stand in, run inside of `contained`.
"""

from __future__ import annotations

import contextlib
import linecache
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

end_process = os._exit  # for archlab itself, whatever stands in its place meanwhile


class EndingError(RuntimeError):
    """The code asked to end the process, or raised what cannot be shown."""


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Run code of a user's; what it raises can be caught as an Exception and shown.

    `sys.exit()`, and whatever else is no Exception, becomes an EndingError; so does an exception
    whose message cannot be shown. KeyboardInterrupt passes: it is the reader's own. The working
    folder is put back.

    Raises:
        EndingError: the code asked to end the process.

    Example:
        >>> with contained():
        ...     sys.exit(0)
        Traceback (most recent call last):
        archlab.contain.EndingError: the code asked to end the process (SystemExit: 0)
    """
    process, folder = os.getpid(), working_folder()
    try:
        yield
    except KeyboardInterrupt:
        raise
    except Exception as error:
        try:
            str(error)
        except Exception:  # noqa: BLE001  whatever its __str__ raises
            kind = type(error).__name__
            raise EndingError(f"{kind} was raised, and its message cannot be shown") from None
        raise
    except BaseException as error:
        what = f"{type(error).__name__}: {' '.join(map(str, error.args))}"
        if isinstance(error, SystemExit):
            raise EndingError(f"the code asked to end the process ({what})") from error
        raise EndingError(f"the code raised what is no Exception ({what})") from error
    finally:
        _end_fork(process)
        if folder and folder != working_folder():
            with contextlib.suppress(OSError):
                os.chdir(folder)


@contextlib.contextmanager
def kept_alive() -> Iterator[None]:
    """Let `os._exit()` in this process be an error, too: for a process that is archlab's own.

    Raises:
        EndingError: where it is called.
    """
    process = os.getpid()

    def refuse(code: int) -> NoReturn:
        if os.getpid() != process:  # how a fork ends, such as a worker of a DataLoader
            end_process(code)
        raise EndingError(f"the code asked to end the process (os._exit({code}))")

    functions: Any = os
    functions._exit = refuse
    try:
        yield
    finally:
        functions._exit = end_process


def said(error: BaseException) -> str:
    """Return what an exception says: its type and its message.

    Example:
        >>> said(KeyError("a")), said(EndingError("the code asked to end the process"))
        ("KeyError: 'a'", 'the code asked to end the process')
    """
    return str(error) if isinstance(error, EndingError) else f"{type(error).__name__}: {error}"


def code_of_others(error: BaseException) -> str:
    """Return where an exception left code that is no part of archlab or an installed package.

    A model may run code wherever it is asked for something: in a property, in `parameters()`.

    Returns:
        File and line, or an empty text where no such code ran.
    """
    installed = {Path(__file__).parent, *map(Path, sysconfig.get_paths().values())}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename)
        if path.is_absolute() and not any(path.is_relative_to(folder) for folder in installed):
            return f"{path.name}, line {line}"
    return ""


def line_of_others(error: BaseException) -> str:
    """Return what `code_of_others` does, and the line of code itself, where it can be read.

    Example:
        >>> line_of_others(ValueError("never raised"))
        ''
    """
    place = code_of_others(error)
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path = Path(frame.f_code.co_filename)
        if place == f"{path.name}, line {line}":
            code = linecache.getline(str(path), line).strip()
            return f"{place}: {code}" if code else place
    return place


def working_folder() -> str:
    """Return the working folder; an empty text where it has been deleted."""
    try:
        return os.getcwd()  # noqa: PTH109  Path.cwd() says the same in three times the time
    except OSError:
        return ""


def _end_fork(process: int) -> None:
    """End a copy of the process that came out of the code: it would give every answer again."""
    if os.getpid() != process:
        sys.stderr.write("archlab: the code of the model has forked; its copy ends here\n")
        sys.stderr.flush()
        end_process(0)
