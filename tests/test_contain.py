"""What contained code may not do: end the process, move its folder, raise what nobody can show."""

import os
import sys

import pytest

from archlab.contain import EndingError, contained, kept_alive, said


class Unheard(BaseException):
    pass


class SpeechlessError(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (SystemExit(0), r"asked to end the process \(SystemExit: 0\)"),
        (GeneratorExit(), r"raised what is no Exception \(GeneratorExit: \)"),
        (Unheard("of"), r"raised what is no Exception \(Unheard: of\)"),
        (SpeechlessError(), "SpeechlessError was raised, and its message cannot be shown"),
    ],
)
def test_it_becomes_an_exception(raised, message) -> None:
    with pytest.raises(EndingError, match=message), contained():
        raise raised


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), ValueError("as it is"), EndingError("x")])
def test_others_pass(raised) -> None:
    with pytest.raises(type(raised)) as caught, contained():
        raise raised
    assert caught.value is raised


def test_the_folder_is_put_back(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with contained():
        os.chdir("/")
    assert os.getcwd() == str(tmp_path)


def test_a_folder_that_is_deleted(tmp_path, monkeypatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    with contained():
        (tmp_path / "gone").rmdir()
    with contained():
        pass


def test_a_fork_ends(capfd) -> None:
    with contained():
        child = os.fork()
    assert os.waitpid(child, 0)[1] == 0  # only the parent is here
    assert "its copy ends here" in capfd.readouterr().err


def test_exits_at_once_are_refused_in_this_process_alone() -> None:
    before = os._exit
    with kept_alive():
        with pytest.raises(EndingError, match=r"os._exit\(4\)"):
            os._exit(4)
        child = os.fork()
        if not child:
            os._exit(5)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    assert os._exit is before


def test_what_an_exception_says() -> None:
    assert said(ValueError("wrong")) == "ValueError: wrong"
    with pytest.raises(EndingError) as caught, contained():
        sys.exit("usage")
    assert said(caught.value) == "the code asked to end the process (SystemExit: usage)"
