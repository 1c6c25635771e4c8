"""Widths of text against matplotlib's own measure of the same font."""

import pytest

from archlab.view.drawing.fonts import families, folder, text_width


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("content", ["Conv 3×3 · BN · ReLU", "64×112×112 ⇢ 7", "⊕", "wide WWW iii"])
def test_a_text_is_as_wide_as_matplotlib_draws_it(content, bold) -> None:
    from matplotlib.ft2font import FT2Font, LoadFlags

    font = FT2Font(str(folder() / f"DejaVuSans{'-Bold' if bold else ''}.ttf"))
    font.set_size(1000, 72)
    font.set_text(content, 0.0, flags=LoadFlags.NO_HINTING)
    drawn = font.get_width_height()[0] / 64 / 1000
    # The ink ends before the advance does, and letters are kerned.
    assert text_width(content, 1.0, bold=bold) == pytest.approx(drawn, rel=0.04, abs=0.12)


def test_width_grows_with_the_size_and_a_letter_without_a_shape_is_an_em() -> None:
    assert text_width("abc", 20) == 2 * text_width("abc", 10)
    assert text_width("漢字", 10) == 20
    assert text_width("e\u0301", 10) == text_width("e", 10)


def test_the_first_family_is_matplotlibs_own() -> None:
    assert families()[0] == "DejaVu Sans"
