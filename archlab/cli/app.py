"""The application: every command by name, under the headings of the help.

A command is a file in `commands/HEADING/` with a function of its own name. The folders are listed,
which no other part of archlab does with what it holds: so a command is one file, and none is
imported or built before it is asked for. `archlab params` pays for the options of `params` alone.
"""

from __future__ import annotations

import functools
import inspect
import pkgutil
from collections.abc import Callable
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from archlab.cli import commands
from archlab.cli.command import command
from archlab.cli.values import Checked
from archlab.version import __version__

HEADINGS = ("look", "measure", "train", "scale", "more")  # by what a reader wants
MAP = {
    heading.capitalize(): [module.name for module in pkgutil.iter_modules([f"{folder}/{heading}"])]
    for folder in commands.__path__
    for heading in HEADINGS
}
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
COMMANDS = {name: heading for heading, names in MAP.items() for name in names}
_COLUMN = max(map(len, COMMANDS))  # click would align each section of the help for itself


def function_of(name: str) -> Callable[..., None]:
    """Return the function that is a command."""
    module = import_module(f"archlab.cli.commands.{COMMANDS[name].lower()}.{name}")
    function: Callable[..., None] = getattr(module, name)
    return function


# Kept, because click looks the same command up for its name, its help and its run.
@functools.cache
def built(name: str) -> Any:
    """Return the command as typer builds it."""
    alone = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    alone.command(name, cls=Checked, context_settings=SETTINGS)(command(function_of(name)))
    return typer.main.get_command(alone)


class Grouped(TyperGroup):
    """Shows the commands under their headings, and builds each when it is asked for."""

    def __init__(self, **attributes: Any) -> None:
        # Typer takes the names from here, to suggest one for a name that is mistyped.
        super().__init__(**{**attributes, "commands": dict.fromkeys(COMMANDS)})

    def get_command(self, _ctx: Any, name: str) -> Any:
        """Return a command, or None for a name that is none."""
        return built(name) if name in COMMANDS else None

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write one section a heading, one line a command: the first of its docstring."""
        for heading, names in MAP.items():
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{_COLUMN}}", _summary(name)) for name in names])


def _summary(name: str) -> str:
    return (inspect.getdoc(function_of(name)) or "").partition("\n")[0]


app = typer.Typer(
    name="archlab",
    cls=Grouped,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings=SETTINGS,
    epilog="MODEL is a zoo name (archlab models), torchvision:NAME, timm:NAME, "
    "path/to/file.py:Class or package.module:factory. A file of yours is imported: its code runs. "
    "`archlab COMMAND --help` shows the options of a command and an example.",
)


def _version(asked: bool) -> None:
    if asked:
        print(f"archlab {__version__}")
        raise typer.Exit


@app.callback()
def archlab(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    # `main` reads it from the line, wherever it stands. It is declared to be allowed and shown.
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (anywhere on the line).")
    ] = False,
) -> None:
    """Understand a neural network's architecture: what it costs, sees, looks like.

    Try: archlab params googlenet
    """
