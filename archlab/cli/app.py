"""The application: every command by name, under the headings of the help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from archlab.cli.commands.bottleneck import bottleneck
from archlab.cli.commands.check import check
from archlab.cli.commands.compare import compare
from archlab.cli.commands.curves import curves
from archlab.cli.commands.degradation import degradation
from archlab.cli.commands.doctor import doctor
from archlab.cli.commands.finetune import finetune
from archlab.cli.commands.flops import flops
from archlab.cli.commands.gradients import gradients
from archlab.cli.commands.identity import identity
from archlab.cli.commands.memory import memory
from archlab.cli.commands.models import models
from archlab.cli.commands.params import params
from archlab.cli.commands.render import render
from archlab.cli.commands.report import report
from archlab.cli.commands.responses import responses
from archlab.cli.commands.rf import rf
from archlab.cli.commands.scan import scan
from archlab.cli.commands.shapes import shapes
from archlab.cli.commands.shattered import shattered
from archlab.cli.commands.summary import summary
from archlab.cli.commands.test import evaluate
from archlab.cli.commands.train import train
from archlab.cli.commands.verdict import verdict
from archlab.version import __version__

# By what a reader wants: the headings of the help.
MAP: dict[str, dict[str, Callable[..., None]]] = {
    "Look": {
        "summary": summary,
        "shapes": shapes,
        "render": render,
        "compare": compare,
        "report": report,
    },
    "Measure": {
        "params": params,
        "flops": flops,
        "memory": memory,
        "check": check,
        "bottleneck": bottleneck,
        "rf": rf,
        "gradients": gradients,
        "responses": responses,
        "identity": identity,
        "shattered": shattered,
    },
    "Train": {
        "degradation": degradation,
        "verdict": verdict,
        "curves": curves,
        "train": train,
        "test": evaluate,
        "finetune": finetune,
    },
    "Scale": {"scan": scan},
    "More": {
        "models": models,
        "doctor": doctor,
    },
}
COMMANDS = {name: command for group in MAP.values() for name, command in group.items()}


class Grouped(TyperGroup):
    """Shows the commands under the headings of `MAP`."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section a heading, one line a command."""
        width = formatter.width - 4 - _COLUMN
        for heading, names in MAP.items():
            known = [(name, self.get_command(ctx, name)) for name in names]
            lines = [(name, item.get_short_help_str(width)) for name, item in known if item]
            with formatter.section(heading):
                formatter.write_dl([(f"{name:{_COLUMN}}", words) for name, words in lines])


_COLUMN = max(map(len, COMMANDS))  # the same in every section

app = typer.Typer(
    name="archlab",
    cls=Grouped,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="MODEL is a zoo name (archlab models), torchvision:NAME, timm:NAME, "
    "path/to/file.py:Class or package.module:factory. A file of yours is imported: its code runs. "
    "`archlab COMMAND --help` shows the options of a command and an example.",
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _version(asked: bool) -> None:
    if asked:
        print(f"archlab {__version__}")
        raise typer.Exit


@app.callback()
def archlab(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (anywhere on the line).")
    ] = False,
) -> None:
    """Understand a neural network's architecture: what it costs, sees, looks like.

    Try: archlab params googlenet
    """
