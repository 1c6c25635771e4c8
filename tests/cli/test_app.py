"""The application finds its commands in folders, and builds none before it is asked for."""

import pytest

from archlab.cli.app import COMMANDS, MAP, Commands, built, function_of


def test_a_command_is_a_file_with_a_function_of_its_name() -> None:
    assert list(MAP) == ["Look", "Measure", "Train", "Scale", "More"]
    assert MAP["Scale"] == ["scan"]
    for name in COMMANDS:
        assert function_of(name).__name__ == name
        assert function_of(name).__module__.endswith(f"commands.{COMMANDS[name].lower()}.{name}")


def test_commands_are_built_once_when_they_are_asked_for() -> None:
    commands = Commands()
    assert len(commands) == len(list(commands)) == len(COMMANDS)
    assert commands["params"] is built("params")
    with pytest.raises(KeyError):
        commands["nothing"]
    assert commands.get("nothing") is None


def test_the_help_has_a_section_a_heading_and_a_line_a_command(cli) -> None:
    text = cli("--help").out
    order = [text.index(f"\n{heading}:\n") for heading in MAP]
    assert order == sorted(order)
    assert "  params       Parameters by module: trainable, frozen, tied, unused.\n" in text


def test_the_version_stops_before_anything_else(cli) -> None:
    from archlab.version import __version__

    assert cli("--version params").out == f"archlab {__version__}\n"
