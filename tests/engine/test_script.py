"""A job that is a program: its last line, and what it says when it fails."""

import pytest

from archlab.engine.script import run_script
from archlab.errors import EngineError


def test_the_last_line_is_the_value(tmp_path) -> None:
    assert run_script(["-c", "print(1); print(2)"], tmp_path) == "2"


def test_a_program_that_fails(tmp_path) -> None:
    with pytest.raises(EngineError, match="ended with 1: ValueError: too many"):
        run_script(["-c", "raise ValueError('too many')"])
    with pytest.raises(EngineError, match="No folder"):
        run_script(["x.py"], tmp_path / "no")
