"""A drawing as DOT, SVG, Mermaid and text: nothing lost, everything escaped, laid out by itself."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from archlab.errors import LayoutError, OptionError
from archlab.fold.drawing import Box, Drawing, Heat, Shape
from archlab.view.drawing import card, engine
from archlab.view.drawing.dot import Style, dot, theme_of
from archlab.view.drawing.engine import laid_out, many_laid_out
from archlab.view.drawing.mermaid import mermaid
from archlab.view.drawing.sketch import sketch
from archlab.view.drawing.svg import finished
from archlab.view.theme import HUES, KIND_TITLES, THEMES, hue

SVG = "{http://www.w3.org/2000/svg}"


def picture(drawing: Drawing, style: Style) -> str:
    (raw,) = laid_out(dot(drawing, style), ["svg"])
    return finished(raw.decode(), drawing, style.theme)


def heated(drawing: Drawing, heat: Heat) -> Drawing:
    boxes = [replace(box, amounts=replace(box.amounts, heat=value))
             for box, value in zip(drawing.boxes, (None, 1.0, 10.0, 0.0, 5.0, 2.0, 0.0, None, 1.0,
                                                   None, None), strict=True)]  # fmt: skip
    return replace(drawing, boxes=tuple(boxes), heat=heat)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_every_box_is_in_the_svg_with_its_words(drawing, theme, direction) -> None:
    svg = picture(drawing, Style(theme_of(theme), direction, 5, None))
    root = ET.fromstring(svg)
    ids = {item.get("id") for item in root.iter(f"{SVG}g")}
    assert {card.printable(box.id) for box in drawing.boxes} <= ids
    words = "".join(text.text or "" for text in root.iter(f"{SVG}text"))
    for piece in ("Conv 3×3 · BN · ReLU", "<b>&", "漢字", "×3", "×8", "boom < bang", "identity"):
        assert piece in words
    assert words.count("long") >= 75  # wrapped, not cut


def test_a_box_carries_data_for_scripts_and_a_tooltip(drawing, style) -> None:
    root = ET.fromstring(picture(drawing, style))
    stem = next(item for item in root.iter(f"{SVG}g") if item.get("id") == "stem")
    assert stem.get("data-path") == "stem"
    assert stem.get("data-params") == "1432"
    assert stem.get("data-kind") == "conv"
    assert "1,432 parameters" in stem.find(f"{SVG}title").text


def test_a_dark_screen_gets_other_colours_a_light_theme_does_not(drawing, style) -> None:
    assert "prefers-color-scheme:dark" in picture(drawing, style)
    assert "prefers-color-scheme" not in picture(drawing, replace(style, theme=theme_of("light")))


def test_a_lost_box_is_an_error_not_a_smaller_picture(drawing, style) -> None:
    (raw,) = laid_out(dot(drawing, style), ["svg"])
    broken = raw.decode().replace('id="stem"', 'id="other"')
    with pytest.raises(LayoutError, match="dropped 1 boxes, the first is 'stem'"):
        finished(broken, drawing, style.theme)


def test_shares_and_sizes_are_coloured_by_one_scale(drawing, style) -> None:
    share = heated(drawing, Heat("macs", "MACs", share=True, low=0, high=10, total=20))
    svg = picture(share, style)
    assert "share of all MACs, 0 … 50 %" in svg
    assert "50.0 % of MACs, ×8 together" in svg
    assert style.theme.heat[-1] in svg
    pixels = heated(
        drawing, Heat("receptive-field", "receptive field, px", share=False, low=1, high=10)
    )
    svg = picture(pixels, style)
    assert "receptive field 10 px" in svg
    assert "1 … 10 px, logarithmic" in svg
    assert "╱" in svg  # not available is no zero


def test_an_unknown_theme_or_direction(drawing, style) -> None:
    with pytest.raises(OptionError, match="Allowed: auto, light, dark, print"):
        theme_of("blue")
    with pytest.raises(OptionError, match="Allowed: TB, LR"):
        dot(drawing, replace(style, direction="RL"))


def test_png_and_pdf_need_no_system_dot(drawing, style, monkeypatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    png, pdf = laid_out(dot(drawing, style), ["png", "pdf"])
    assert png.startswith(b"\x89PNG")
    assert pdf.startswith(b"%PDF")
    assert b"/FontFile" in pdf  # the fonts are inside


def test_a_layout_that_takes_too_long_is_stopped() -> None:
    edges = "".join(f"a{i} -> a{(i * 7919) % 900};" for i in range(6000))
    with pytest.raises(LayoutError, match=r"more than 0\.5 s") as caught:
        laid_out(f"digraph {{{edges}}}", ["svg"], timeout=0.5)
    assert caught.value.dot.startswith("digraph")


def test_a_crash_in_the_layout_is_an_error_here(monkeypatch, tmp_path) -> None:
    worker = tmp_path / "crash.py"
    worker.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(engine.layout_worker, "__file__", str(worker))
    with pytest.raises(LayoutError, match="code -11"):
        laid_out("digraph {a}", ["svg"])


def test_text_that_is_no_graph_is_an_error() -> None:
    with pytest.raises(LayoutError, match="Graphviz failed"):
        laid_out("digraph {", ["svg"])


def without_pygraphviz(monkeypatch, tmp_path) -> None:
    worker = tmp_path / "absent.py"
    worker.write_text("raise SystemExit(127)")
    monkeypatch.setattr(engine.layout_worker, "__file__", str(worker))


def test_without_any_graphviz_it_says_what_to_do(monkeypatch, tmp_path) -> None:
    without_pygraphviz(monkeypatch, tmp_path)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(LayoutError, match="pip install pygraphviz"):
        laid_out("digraph {a}", ["svg"])


def test_the_systems_dot_is_the_fallback(monkeypatch, tmp_path) -> None:
    without_pygraphviz(monkeypatch, tmp_path)
    program = tmp_path / "dot"
    program.write_text("#!/bin/sh\ncat >/dev/null\nprintf '<svg %s' $1\n")
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda _: str(program))
    assert laid_out("digraph {a}", ["svg", "pdf"]) == [b"<svg -Tsvg", b"<svg -Tpdf"]


def test_a_png_that_would_be_too_large_is_refused() -> None:
    rows = "->".join(f"a{i}" for i in range(1200))
    with pytest.raises(LayoutError, match=r"32,767 pixels.*\.svg or \.pdf"):
        laid_out(f"digraph {{{rows}}}", ["png"])


def test_mermaid_names_every_box_and_escapes(drawing, style) -> None:
    text = mermaid(drawing, style)
    assert text.splitlines()[2] == "%% folded a lot"
    assert "flowchart TB" in text
    for i in range(len(drawing.boxes)):
        assert re.search(rf"^\s*n{i}[\[(]", text, re.MULTILINE)
    assert "<b>" not in text.partition("flowchart")[2]
    assert 'n1 ==>|"identity"| n3' in text
    assert 'n0 -->|"3×32×32"| n1' in text


def test_the_text_drawing_shows_lanes_and_frames(drawing, style) -> None:
    text = sketch(drawing, style)
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Conv 3×3 · BN · ReLU"))
    assert lines[start].endswith("╮") or "╮" in lines[start]
    assert any("┌ layer ×8 · Block" in line for line in lines)
    assert any("⊕ · ReLU" in line and "identity" in line and "◄" in line for line in lines)
    assert "a note" in text
    assert "folded a lot" in text
    assert "\\N" in text


def test_every_hue_is_in_every_theme_and_has_a_title() -> None:
    roles = {*HUES.values(), hue(None)}
    assert roles == set(KIND_TITLES)
    for theme in THEMES.values():
        assert roles <= set(theme.colours)
        assert set(theme.dark or ()) <= set(theme.colours)
        # A style sheet finds a colour by its code: no two roles that change may share one.
        codes = [theme.colours[role] for role in theme.dark or ()]
        assert len(codes) == len(set(codes))


def contrast(one: str, other: str) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""

    def luminance(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read_on_what_it_stands_on(name) -> None:
    look = THEMES[name].colours
    for front in ("text", "quiet"):
        for back in ("card", "page", "frame", "inner", "failure"):
            assert contrast(look[front], look[back]) >= 4.5, (front, back)
    for front in ("shape", "shortcut", "skip", "added", "removed", "changed"):
        assert contrast(look[front], look["page"]) >= 4.5, front
    for back in ("sum", "join"):
        assert contrast(look["ink"], look[back]) >= 4.5


def test_many_are_laid_out_in_one_process(monkeypatch) -> None:
    first, second = many_laid_out(["digraph {a -> b}", "digraph {c}"])
    assert (first.count(b'class="node"'), second.count(b'class="node"')) == (2, 1)
    assert many_laid_out([]) == []


def test_one_that_fails_takes_no_other_with_it() -> None:
    first, second = many_laid_out(["digraph {a}", "digraph {"])
    assert first.count(b'class="node"') == 1
    assert second is None
    slow = "digraph {" + "".join(f"a{i} -> a{j};" for i in range(90) for j in range(i)) + "}"
    assert many_laid_out([slow, slow], timeout=0.05) == [None, None]


def test_a_name_that_reads_as_html_is_quoted(style) -> None:
    drawing = Drawing("m", "", "eval", "", (Box("<b>x</b>", "<b>x</b>", Shape.OPERATOR, "Conv"),),
                      (), ())  # fmt: skip
    (raw,) = laid_out(dot(drawing, style), ["svg"])
    assert 'id="&lt;b&gt;x&lt;/b&gt;"' in finished(raw.decode(), drawing, style.theme)


def test_a_bare_drawing_has_no_title_and_no_legend(drawing, style) -> None:
    whole, bare = (laid_out(dot(drawing, each), ["svg"])[0].decode()
                   for each in (style, replace(style, bare=True)))  # fmt: skip
    assert "a note" in whole
    assert "a note" not in bare
    assert ("1.235 M params" in whole, "1.235 M params" in bare) == (True, False)
    assert len(bare) < len(whole)


def test_a_name_with_signs_that_are_not_printed_is_not_lost(style) -> None:
    name = "x \u202e rtl"
    drawing = Drawing("m", "", "eval", "", (Box(name, name, Shape.OPERATOR, "Conv"),), (), ())
    (raw,) = laid_out(dot(drawing, style), ["svg"])
    assert 'id="x   rtl"' in finished(raw.decode(), drawing, style.theme)
