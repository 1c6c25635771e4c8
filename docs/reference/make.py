"""The reference pages, from the dict of commands and the list of public names. No page by hand.

python docs/reference/make.py        # writes docs/reference/cli.md and api.md, not kept in git
"""

from __future__ import annotations

import inspect
from pathlib import Path

import typer
from typer.main import get_command

import archlab
from archlab.cli.app import MAP, app

HERE = Path(__file__).parent


def commands() -> str:
    """Return the page of the command line: every command with its arguments and options."""
    group = get_command(app)
    parts = ["# Command line\n", f"{group.help}\n", f"{group.epilog}\n"]
    for heading, names in MAP.items():
        parts.append(f"## {heading}\n")
        parts += [_command(name, group.commands[name]) for name in names]
    return "\n".join(parts)


def _command(name: str, command: typer.core.TyperCommand) -> str:
    context = typer.Context(command, info_name=f"archlab {name}")
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
    found = getattr(archlab, name)
    kind = "autoclass" if inspect.isclass(found) else "autofunction"
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
