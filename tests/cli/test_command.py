"""Groups of options become options; messages name them; what they quote is what the library has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from archlab.analyze.flops import flops
from archlab.cli import command as commands, measuring, options, running
from archlab.cli.app import COMMANDS, built, function_of
from archlab.cli.command import Everywhere, Typed, command
from archlab.cli.commands.more import models
from archlab.cli.commands.train import finetune
from archlab.cli.streams import answer
from archlab.errors import ArchlabError, OptionError, keyword


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option("--width", "-w")] = 1
    pixels: Annotated[list[str] | None, typer.Option("--pixel")] = None

    def __post_init__(self) -> None:
        if self.width > 99:
            raise OptionError(f"{keyword('width', self.width)} is too wide.")


def area(
    model: Annotated[str, typer.Argument()],
    size: Size,
    typed: Typed,
    height: Annotated[int, typer.Option("--height")] = 2,
) -> None:
    """The area."""
    typed.exclusive("height", "pixels", because="pixels have no height")
    typed.require("width", "height", because="a line has none")
    words = [keyword(name) for name in ("pixels", "model", "data_dir")]
    answer(f"{model} {size.width * height} {' '.join(words)}")


def run(*arguments: str) -> None:
    app = typer.Typer(add_completion=False)
    app.command()(command(area))
    app(list(arguments), standalone_mode=False)


def test_a_group_is_taken_apart_and_put_together(capsys) -> None:
    run("net", "-w", "4", "--height", "3")
    assert capsys.readouterr().out == "net 12 --pixel MODEL --data-dir\n"


def test_a_group_checks_itself_and_names_the_option() -> None:
    with pytest.raises(OptionError, match="--width 100 is too wide"):
        run("net", "--width", "100")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--width", "1", "--height", "2", "--pixel", "a"), "--height and --pixel exclude each"),
        (("--height", "2"), "--height is for --width, which is not given: a line has none"),
    ],
)
def test_what_is_typed_counts_also_where_it_is_the_default(arguments, message) -> None:
    with pytest.raises(OptionError, match=message):
        run("net", *arguments)


def test_an_option_of_all_commands_is_declared_once(monkeypatch) -> None:
    for name in COMMANDS:
        assert "debug" in {parameter.name for parameter in built(name).params}

    @dataclass(frozen=True)
    class More(Everywhere):
        quiet: Annotated[bool, typer.Option("--quiet")] = False

    monkeypatch.setattr(commands, "Everywhere", More)
    for name in COMMANDS:
        assert "quiet" in typer_names(name)


def typer_names(name: str) -> list[str]:
    import inspect

    return list(inspect.signature(command(function_of(name))).parameters)


def test_what_help_says_is_what_the_library_has() -> None:
    from archlab.api.live.conditions import DTYPES, GRAINS, NORMS
    from archlab.api.model import MODES
    from archlab.api.training.curves import STYLES
    from archlab.probe.initial import SCHEMES
    from archlab.probe.losses import LOSSES
    from archlab.resolve.catalog import catalog
    from archlab.train.finetune import PARTS

    assert (options.MODES, options.BLOCKS) == (MODES, GRAINS)
    assert tuple(SCHEMES) == measuring.SCHEMES
    assert tuple(LOSSES) == measuring.LOSSES
    assert (measuring.NORMS, measuring.DTYPES) == (NORMS, DTYPES)
    assert (running.STYLES, finetune.PARTS) == (STYLES, PARTS)
    with pytest.raises(ArchlabError, match=f"Allowed: {', '.join(models.SOURCES)}"):
        catalog(None, "nowhere")
    from archlab import trace

    with pytest.raises(ArchlabError, match=f"Allowed: {', '.join(options.ROWS)}"):
        flops(trace("resnet8"), by="nothing")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_fits_80_columns(cli, name) -> None:
    assert all(len(line) <= 80 for line in cli(f"{name} --help").out.splitlines())
