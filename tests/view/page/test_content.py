"""What a page holds is written in the order in which it is read, and what is left out is not."""

import re

from archlab.result import Column, Table
from archlab.view.page import page
from archlab.view.page.content import Bar, Bars, Page, Part, Section, Tile

SIGNS = '<b>&"it\'s"'


def body(content: Page) -> str:
    return page(content).partition("<body>")[2].partition("<script")[0]


def test_parts_are_read_in_the_order_of_the_fields() -> None:
    table = Table("t", (), (Column("path", "MODULE"), Column("note", "NOTE")),
                  ({"path": "ROW", "note": "CELL"},))  # fmt: skip
    bars = Bars(["QUANTITY"], [Bar("STAGE", ["VALUE"], [0.25])], "NOTE BELOW")
    figure = '<svg viewBox="0 0 1 1"><text>FIGURE</text></svg>'
    words = ["FIRST WORDS", "SECOND WORDS"]
    full = Section("SECTION", words, bars, figure, "DRAWN", table)
    text = body(
        Page("TITLE", "LEAD", made=[("HOW", "MADE")], before=[Section("BEFORE")], parts=[
            Part("ONE", "UNDER ONE", [Tile("LABEL", "NUMBER", "EXACT")], [full]),
            Part("TWO", "UNDER TWO", [], [Section("LAST", folded=True)]),
        ])
    )  # fmt: skip
    read = re.findall(r"[A-Z]{3,}(?: [A-Z]+)*", text)
    assert list(dict.fromkeys(read)) == [
        "TITLE", "LEAD", "BEFORE", "ONE", "UNDER ONE", "EXACT", "LABEL", "NUMBER", "SECTION",
        "FIRST WORDS", "SECOND WORDS", "QUANTITY", "STAGE", "VALUE", "NOTE BELOW", "DRAWN",
        "FIGURE", "MODULE", "NOTE", "ROW", "CELL", "TWO", "UNDER TWO", "LAST", "HOW", "MADE",
    ]  # fmt: skip
    assert "--share:0.2500" in text
    assert text.count("<details") == 1


def test_a_section_of_words_alone_has_no_table_no_figure_and_no_bars() -> None:
    text = body(Page("a", "b", [Part("c", "d", [], [Section("e", ["words"])])]))
    assert "<p>words</p>" in text
    for tag in ("<table", "<figure", "<details", "<svg"):
        assert tag not in text


def test_every_text_is_escaped() -> None:
    tile = Tile(SIGNS, SIGNS, SIGNS)
    section = Section(SIGNS, [SIGNS], Bars([SIGNS], [Bar(SIGNS, [SIGNS], [1])], SIGNS))
    text = body(Page(SIGNS, SIGNS, [Part(SIGNS, SIGNS, [tile], [section])], made=[(SIGNS, SIGNS)]))
    assert text.count("&lt;b&gt;&amp;&#34;it&#39;s&#34;") >= 14
    assert "<b>" not in text
