"""The machinery that runs the pages: what it accepts, and that it can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from snippets import Block, commands, matches, run, run_page, run_python


@pytest.mark.parametrize(
    ("shown", "given", "same"),
    [
        ("a\nb", "a\nb", True),
        ("a  \nb", "a\nb ", True),
        ("a\nb", "a\nc", False),
        ("a", "a\nb", False),
        ("a\n…", "a", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nb\nc", False),
        ("…\nz", "z", True),
        ("…", "anything\nat all", True),
        ("", "", True),
        ("", "x", False),
        ("a … b", "a c b", False),  # only a line of its own is a gap
        ("1.00", "1.01", False),
    ],
)
def test_what_matches(shown: str, given: str, *, same: bool) -> None:
    assert matches(shown, given) is same


@pytest.mark.parametrize(
    ("shown", "given", "same"),
    [
        ("net  1.00  x", "net   1.01  x", True),
        ("net  1.00", "net  1.03", False),
        ("first 3.2e-22, 5", "first 3.21e-22, 5", True),
        ("first 3.2e-22", "first 3.2e-21", False),
        ("a 1\n…\nb 100", "a 1\nc 7\nb 101", True),
        ("a 1\n…\nb 100", "a 1\nc 7\nb 110", False),
        ("plain 1", "residual 1", False),
    ],
)
def test_measured_numbers_may_differ_by_a_share(shown: str, given: str, *, same: bool) -> None:
    assert matches(shown, given, 0.02) is same


def test_commands_and_what_stands_below_them() -> None:
    block = Block("console", "", "$ one\nout\n$ two \\\n  more\n", 1)
    assert commands(block) == [("one", "out"), ("two    more", "")]


def test_an_exit_code_is_seen() -> None:
    ran = run("archlab params nonsense")
    assert ran.code == 2
    assert "nonsense" in ran.err


def test_a_wrong_doctest_fails() -> None:
    with pytest.raises(AssertionError, match="Got:\n    2"):
        run_python(Block("python", "", ">>> 1 + 1\n3\n", 1), {}, Path("page.md"))


def test_accepting_writes_below_the_right_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same command twice: the second may give something else."""
    monkeypatch.setenv("ARCHLAB_ACCEPT", "1")
    monkeypatch.setattr("snippets.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    (tmp_path / "old").write_text("same\n")
    page.write_text(
        "```console\n$ cut -c1-9 file\nsame\n$ cut -c2 old\n```\n\n```python file\nx\n```\n"
        "```console\n$ cut -c1-9 file\nsame\n```\n"
    )
    (tmp_path / "file").write_text("same\n")
    run_page(page)
    assert page.read_text() == (
        "```console\n$ cut -c1-9 file\nsame\n$ cut -c2 old\na\n```\n\n```python file\nx\n```\n"
        "```console\n$ cut -c1-9 file\nx\n```\n"
    )
