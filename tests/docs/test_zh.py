"""The Chinese lessons show what the English ones show. Last of its folder, for ARCHLAB_ACCEPT=1."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from snippets import FENCE, ROOT

DOCS = ROOT / "docs"
LESSONS = sorted((DOCS / "tutorial").glob("*.md"))


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.stem)
def test_a_chinese_lesson_has_the_same_snippets(page: Path) -> None:
    other = DOCS / "zh" / page.name
    ours, theirs = (
        [found[0] for found in FENCE.finditer(each.read_text())] for each in (page, other)
    )
    if os.environ.get("ARCHLAB_ACCEPT") and len(ours) == len(theirs):
        left = iter(ours)
        other.write_text(FENCE.sub(lambda _: next(left), other.read_text()))
        return
    assert theirs == ours
    pictures = r"figures/tutorial/\w+\.png"
    assert re.findall(pictures, other.read_text()) == re.findall(pictures, page.read_text())
