"""Texts of others in a terminal, a spreadsheet, Markdown."""

import csv
import io

import pytest

from archlab.quoting import csv_cell, csv_text, markdown, visible, visible_lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("layer1.0 – Größe ×2 日本", "layer1.0 – Größe ×2 日本"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\nc\td", "a\\rb\\nc\\td"),
        ("\u202etxt.exe", "\\u202etxt.exe"),  # right-to-left override
        ("\x9b31m", "\\x9b31m"),  # ESC [ in one character
        ("\udcff", "\\udcff"),  # a byte of a file name that is no UTF-8
        ("\U000e0041", "\\U000e0041"),  # a tag, which no font shows
    ],
)
def test_a_terminal_shows_it(text, shown) -> None:
    assert visible(text) == shown
    assert visible(text).isprintable()


def test_lines_stay_lines() -> None:
    assert visible_lines("one\n\x1btwo") == "one\n\\x1btwo"


# https://owasp.org/www-community/attacks/CSV_Injection
@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "'=1", "''@x"])
def test_no_cell_is_a_formula(text) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(file.getvalue())))
    assert cell == f"'{text}"
    assert csv_text(cell) == text


@pytest.mark.parametrize("value", ["layer1.0", "'s", "", "a\nb", -3, -1.5, None, True])
def test_other_cells_are_as_they_were(value) -> None:
    assert csv_cell(value) == value
    if isinstance(value, str):
        assert csv_text(value) == value


def test_markdown_shows_it() -> None:
    assert markdown("<img src=x onerror=alert(1)>") == "&lt;img src=x onerror=alert(1)>"
    assert markdown("[a](javascript:b) | c\nd") == r"\[a\](javascript:b) \| c\\nd"
    assert markdown("layer_1.__init__") == "layer_1.__init__"
