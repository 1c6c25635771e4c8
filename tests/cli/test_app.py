"""The application finds its commands in folders, and builds none before it is asked for."""

import typer

from archlab.cli.app import COMMANDS, MAP, app, built, function_of


def test_a_command_is_a_file_with_a_function_of_its_name() -> None:
    assert list(MAP) == ["Look", "Measure", "Train", "Scale", "More"]
    assert MAP["Scale"] == ["scan"]
    for name in COMMANDS:
        assert function_of(name).__name__ == name
        assert function_of(name).__module__.endswith(f"commands.{COMMANDS[name].lower()}.{name}")


def test_commands_are_built_once_when_they_are_asked_for() -> None:
    group = typer.main.get_command(app)
    context = typer.Context(group)
    assert group.list_commands(context) == list(COMMANDS)
    assert group.get_command(context, "params") is built("params")
    assert group.get_command(context, "nothing") is None


def test_a_mistyped_command_is_answered_with_the_nearest(cli) -> None:
    run = cli("parms resnet8")
    assert run.code == 2
    assert "Did you mean 'params'" in run.err


def test_the_help_has_a_section_a_heading_and_a_line_a_command(cli) -> None:
    text = cli("--help").out
    order = [text.index(f"\n{heading}:\n") for heading in MAP]
    assert order == sorted(order)
    assert "  params       Parameters by module: trainable, frozen, tied, unused.\n" in text


def test_the_version_stops_before_anything_else(cli) -> None:
    from archlab.version import __version__

    assert cli("--version params").out == f"archlab {__version__}\n"
