"""The command line: parse, call the api, print. One command a file, no logic.

Errors that archlab raises on purpose become one message on standard error and exit code 2;
`--debug` shows the traceback. Nothing here imports torch before a command needs it.
"""

from __future__ import annotations

import gc
import io
import os
import sys

from archlab.cli.app import app
from archlab.errors import ArchlabError

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line and exit with 0 (done), 1 (a check failed) or 2 (bad input)."""
    # Importing torch makes half a million objects: the default walks them again and again.
    gc.set_threshold(100_000, 20, 20)
    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack × and ─
        sys.stdout.reconfigure(errors="replace")
    try:
        app(prog_name="archlab")
    except ArchlabError as error:
        if debug:
            raise
        _fail(f"archlab: {error}", 2)
    except BrokenPipeError:  # the reader (head, less) has gone: not an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        _fail("archlab: interrupted", 130)
    except Exception as error:
        if debug:
            raise
        _fail(
            f"archlab: unexpected {type(error).__name__}: {error}\n"
            "This is a fault of archlab. Run again with --debug and report what it shows.",
            70,
        )


def _fail(message: str, code: int) -> None:
    print(message, file=sys.stderr)
    sys.exit(code)
