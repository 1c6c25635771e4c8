"""The built site, where there is one (`nox -s docs`): its pages are there and fetch nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from snippets import ROOT

SITE = ROOT / "docs" / "_build" / "html"
PAGES = sorted(SITE.rglob("*.html"))
# What a browser loads by itself; a link that a reader may follow is no such thing.
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]* src=\"([^\"]+)\"|<link[^>]* href=\"([^\"]+)\""
)

pytestmark = pytest.mark.skipif(not PAGES, reason="the site is not built: nox -s docs")


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(SITE)) for page in PAGES])
def test_a_page_loads_nothing_from_elsewhere(page: Path) -> None:
    for found in LOADED.findall(page.read_text()):
        link = "".join(found).partition("?")[0].partition("#")[0]
        assert not re.match(r"(https?:)?//", link), link
        if link and not link.startswith("data:"):
            assert (page.parent / link).exists(), link


def test_no_style_loads_from_elsewhere() -> None:
    for style in SITE.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//|@import", style.read_text()), style


def test_a_tile_of_the_gallery_opens_its_drawing() -> None:
    links = re.findall(r'href="(figures/[^"]+)"', (SITE / "gallery.html").read_text())
    assert len(links) >= 20
    for link in links:
        assert (SITE / link).is_file(), link


@pytest.mark.parametrize("name", ["index", "tutorial/index", "zh/index", "reference/cli", "search"])
def test_a_page_is_there(name: str) -> None:
    assert (SITE / f"{name}.html").is_file()


def test_the_reference_shows_signatures_and_examples() -> None:
    text = (SITE / "reference" / "api.html").read_text()
    for word in ("receptive_field", "optimizer", "Raises", "269722"):
        assert word in text
