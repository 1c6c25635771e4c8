"""The command line: parse, call the api, print. One command a file, no logic.

Errors that archlab raises on purpose become one message on standard error and exit code 2;
`--debug` shows the traceback. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import io
import os
import sys

from archlab.cli.app import app
from archlab.errors import ArchlabError
from archlab.garbage import collect_seldom

__all__ = ["app", "main"]

_READER_GONE = 141


def main() -> None:
    """Run the command line and exit with 0 (done), 1 (a check failed) or 2 (bad input)."""
    collect_seldom()
    # From the line itself, because an error may be raised before any option is parsed.
    debug = "--debug" in sys.argv
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack × and ─
        sys.stdout.reconfigure(errors="replace")
    try:
        _run()
    except KeyboardInterrupt:
        _fail("interrupted", 130)
    except Exception as error:
        if debug:
            raise
        _fail(*_explained(error))
    finally:
        _flush()


def _run() -> None:
    try:
        app(prog_name="archlab")
    except SystemExit as end:
        # Where the reader of a pipe (head, less) has gone, typer ends with 1, as a failed check.
        # 141 is what a shell calls a program that the system ended for it; 0 would say "passed".
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(_READER_GONE)
        raise


def _explained(error: Exception) -> tuple[str, int]:
    """The message for an error, and the exit code."""
    if isinstance(error, ArchlabError):
        return str(error), 2
    if isinstance(error, ImportError):
        return (
            f"{error}. A package is missing or broken: `archlab doctor` says which, and the "
            "command that gets it.",
            2,
        )
    # 70 is what sysexits.h calls a fault inside a program.
    return (
        f"unexpected {type(error).__name__}: {error}\n"
        "This is a fault of archlab. Run again with --debug and report what it shows.",
        70,
    )


def _flush() -> None:
    """Write out what is left; Python itself would complain where nobody reads it any more."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> None:
    print(f"archlab: {message}", file=sys.stderr)
    sys.exit(code)
