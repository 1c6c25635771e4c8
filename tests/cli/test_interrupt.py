"""Ctrl-C, SIGTERM, --timeout: the message and the code, and an event that the first one sets."""

import signal
import time
from importlib import import_module
from pathlib import Path

import pytest
import typer

from archlab.cli.interrupt import (
    INTERRUPTED,
    limited,
    reason,
    saved_on_interrupt,
    stop_on_interrupt,
    terminable,
    told_on_interrupt,
)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Path("tests"), "What is trained is kept in tests; the same command goes on"),
        (Path("runs/a"), "Nothing was trained yet; the same command begins anew."),
        (None, "What was trained is lost: --out FILE keeps it."),
    ],
)
def test_work_that_keeps_or_loses_says_so(capsys, place, message) -> None:
    with pytest.raises(typer.Exit) as end, saved_on_interrupt(place):
        raise KeyboardInterrupt
    assert end.value.exit_code == INTERRUPTED.code == 128 + signal.SIGINT
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


def test_sigterm_is_told_apart(capsys) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with terminable():
        with pytest.raises(typer.Exit) as end, told_on_interrupt():
            signal.raise_signal(signal.SIGTERM)
        assert end.value.exit_code == 143 == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "\narchlab: terminated\n"
    assert reason() is INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_before_a_command_has_begun(cli, monkeypatch) -> None:
    module = import_module("archlab.cli.app")
    monkeypatch.setattr(module, "built", lambda _: signal.raise_signal(signal.SIGTERM))
    done = cli("params resnet20")
    assert (done.code, done.out, done.err) == (143, "", "archlab: terminated\n")


def test_a_closed_terminal(capsys) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with terminable():
            with pytest.raises(typer.Exit) as end, told_on_interrupt():
                signal.raise_signal(signal.SIGHUP)
            assert end.value.exit_code == 129 == 128 + signal.SIGHUP
        assert capsys.readouterr().err == "\narchlab: the terminal is gone\n"
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        with terminable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_lets_work_save(capsys) -> None:
    with terminable(), stop_on_interrupt() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
        assert reason().code == 143
    assert "saving, then ending" in capsys.readouterr().err


def test_sigterm_where_ctrl_c_is_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for work behind &
    try:
        with terminable(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_limit_ends_a_wait(capsys) -> None:
    with terminable():
        with pytest.raises(typer.Exit) as end, told_on_interrupt(), limited(0.1):
            time.sleep(60)
        assert end.value.exit_code == 2
    assert "not done after 0.1 s, the limit of --timeout" in capsys.readouterr().err


def test_work_within_a_limit() -> None:
    with limited(60), limited(None):
        pass
    assert reason() is INTERRUPTED
