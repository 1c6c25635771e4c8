"""Each picture of the gallery has its command, and the commands and examples of its page run."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest
from PIL import Image
from snippets import ROOT, run, run_page

FIGURES = ROOT / "docs" / "figures"
PAGE = ROOT / "docs" / "gallery.md"
SVG = "{http://www.w3.org/2000/svg}svg"


def module(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


MADE = module("examples/gallery.py")
GALLERY: dict[str, str] = MADE.GALLERY
# Seconds each, and most are drawn by other slow tests, too.
LARGE = ("hrnet", "fasterrcnn", "retinanet", "raft_small")
DRAWN = [pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in GALLERY]


@pytest.mark.parametrize("name", GALLERY)
def test_the_page_has_a_tile_that_opens_the_drawing_and_its_command(name: str) -> None:
    page = PAGE.read_text()
    tile = f'<a href="figures/gallery/{name}.svg"><img src="figures/gallery/{name}.png"'
    assert page.count(tile) == 1
    assert f"archlab render {GALLERY[name]} --out {name}.svg\n" in page


@pytest.mark.parametrize("name", GALLERY)
def test_a_drawing_is_xml_and_its_tile_has_the_size_of_all(name: str) -> None:
    assert ET.parse(FIGURES / "gallery" / f"{name}.svg").getroot().tag == SVG
    with Image.open(FIGURES / "gallery" / f"{name}.png") as tile:
        assert tile.size == MADE.TILE


def test_a_tile_shows_the_whole_picture(tmp_path: Path) -> None:
    """A red picture, whatever its shape, stays one red rectangle of that shape, in the middle."""
    columns, rows = MADE.TILE
    for width, height in ((3000, 1500), (500, 4000), (columns, rows)):
        path = tmp_path / "picture.png"
        Image.new("RGB", (width, height), "red").save(path)
        MADE.tile(path)
        tile = Image.open(path).convert("RGBA")
        left, top, right, bottom = tile.getchannel("A").getbbox() or (0, 0, 0, 0)
        scale = min(columns / width, rows / height)
        assert (right - left, bottom - top) == (round(width * scale), round(height * scale))
        assert abs(left - (columns - right)) <= 1
        assert abs(top - (rows - bottom)) <= 1
        assert tile.getpixel((columns // 2, rows // 2)) == (255, 0, 0, 255)


def test_every_figure_of_the_gallery_is_shown() -> None:
    names = [f"{name}.{kind}" for name in GALLERY for kind in ("svg", "png")]
    assert {path.name for path in (FIGURES / "gallery").iterdir()} == {
        *names, *(f"{name}.png" for name in MADE.EXAMPLES),
    }  # fmt: skip


def test_each_net_beside_others_is_shown() -> None:
    nets = set(module("tests/benchmarks/beside.py").NETS)
    assert set(re.findall(r"figures/beside/([\w-]+)\.png", PAGE.read_text())) == nets
    assert {path.stem for path in (FIGURES / "beside").iterdir()} == nets


def test_figures_are_small() -> None:
    files = [path for path in FIGURES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8e6


@pytest.mark.parametrize("name", DRAWN)
def test_a_gallery_command_draws(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    target = tmp_path / "picture.svg"
    ran = run(f"archlab render {GALLERY[name]} --out {target}")
    assert ran.code == 0, ran.err
    assert ET.parse(target).getroot().tag == SVG


def test_the_examples_of_the_gallery_run(folder: Path) -> None:
    run_page(PAGE, "example")
