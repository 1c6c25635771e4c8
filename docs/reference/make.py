"""The reference pages, made from the commands of the application and the list of public names.

python docs/reference/make.py        # writes docs/reference/cli.md and api.md, not kept in git
"""

from __future__ import annotations

import inspect
from pathlib import Path

import typer
from typer.main import get_command

import archlab
from archlab.cli.app import app

HERE = Path(__file__).parent


def commands() -> str:
    """Return the page of the command line: every command with its arguments and options."""
    group = get_command(app)
    context = typer.Context(group, info_name="archlab", **group.context_settings)
    parts = ["# Command line\n", f"{group.help}\n", f"{group.epilog}\n"]
    headings: dict[str, list[str]] = {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        headings.setdefault(_heading(command), []).append(_command(name, command))
    for heading, sections in headings.items():
        parts += [f"## {heading}\n", *sections]
    return "\n".join(parts)


def _heading(command: typer.core.TyperCommand) -> str:
    """Return the folder that a command's file is in; the headings of the help are these, too."""
    return command.callback.__module__.split(".")[-2].capitalize()


def _command(name: str, command: typer.core.TyperCommand) -> str:
    context = typer.Context(command, info_name=f"archlab {name}", **command.context_settings)
    usage = " ".join(command.get_usage(context).removeprefix("Usage: ").split())
    text, _, example = inspect.cleandoc(command.help or "").partition("Example: ")
    lines = [f"### archlab {name}\n", f"```text\n{usage}\n```\n", f"{text.strip()}\n"]
    if example:
        lines.append(f"```bash\n{' '.join(example.split())}\n```\n")
    lines += ["| | | default |", "|---|---|---|"]
    for parameter in command.params:
        record = parameter.get_help_record(context)
        shown = record[0] if record else str(parameter.make_metavar(context))
        told = getattr(parameter, "help", None) or ""
        lines.append(f"| `{_cell(shown)}` | {_cell(told)} | {_cell(_default(parameter))} |")
    return "\n".join([*lines, ""])


def _default(parameter: typer.core.TyperOption | typer.core.TyperArgument) -> str:
    if parameter.required:
        return "required"
    empty = parameter.default in (None, False, "", ()) or callable(parameter.default)
    return "" if empty else f"`{parameter.default}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def names() -> str:
    """Return the page of the library: every public name, in the order of the alphabet."""
    parts = ["# Library\n", "Everything here is an attribute of `archlab`, loaded on first use.\n"]
    parts += [_name(name) for name in sorted(archlab.__all__, key=str.lower)]
    return "\n".join(parts)


def _name(name: str) -> str:
    kind = "autoclass" if inspect.isclass(getattr(archlab, name)) else "autofunction"
    # A class of ours says what it has in its docstring; Lightning's many methods are not for here.
    return f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: archlab.{name}\n```\n"


PAGES = {"cli.md": commands, "api.md": names}


def write(folder: Path) -> None:
    """Write the pages, where they are not as they should be already."""
    for name, page in PAGES.items():
        path, text = folder / name, page()
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)


if __name__ == "__main__":
    write(HERE)
