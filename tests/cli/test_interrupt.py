"""Ctrl-C: the message and the code, and an event that the first one sets."""

import signal
from pathlib import Path

import pytest
import typer

from archlab.cli.interrupt import INTERRUPTED, saved_on_interrupt, stop_on_interrupt


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Path("runs/a"), "What is trained is kept in runs/a; the same command goes on"),
        (None, "What was trained is lost: --out FILE keeps it."),
    ],
)
def test_work_that_keeps_or_loses_says_so(capsys, place, message) -> None:
    with pytest.raises(typer.Exit) as end, saved_on_interrupt(place):
        raise KeyboardInterrupt
    assert end.value.exit_code == INTERRUPTED == 128 + signal.SIGINT
    assert message in capsys.readouterr().err


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), saved_on_interrupt(None):
        raise ZeroDivisionError


def test_the_first_asks_and_the_second_ends(capsys) -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as stop:
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        assert "saving, then ending" in capsys.readouterr().err
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
