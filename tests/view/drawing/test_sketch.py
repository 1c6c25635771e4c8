"""A drawing for the terminal: lanes, frames and notes."""

from archlab.view.drawing.sketch import sketch


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
