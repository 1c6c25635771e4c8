"""Widths of text against matplotlib's own measure of the same font; letters that no font has."""

import pytest

from archlab.view.drawing.fonts import advice, families, folder, lacking, text_width


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


def test_letters_are_lacking_that_matplotlibs_font_has_no_shape_for(monkeypatch) -> None:
    from matplotlib.ft2font import FT2Font

    monkeypatch.setattr("archlab.view.drawing.fonts.families", lambda: ["DejaVu Sans"])
    font = FT2Font(str(folder() / "DejaVuSans.ttf"))
    letters = "aß×⊕→Жאع漢字かハ한ไ𒀀"
    absent = "".join(letter for letter in letters if not font.get_char_index(ord(letter)))
    assert absent.startswith("漢")
    assert lacking([letters, letters[::-1]]) == absent
    assert lacking(["\x1b\u202e"]) == ""  # what does not show is escaped or dropped elsewhere


def test_a_font_of_the_machine_fills_the_gap(monkeypatch) -> None:
    """STIX, which matplotlib brings, has letters that DejaVu Sans has not."""
    from matplotlib.font_manager import findfont, get_font

    own, other = (get_font(findfont(f)).get_charmap() for f in ("DejaVu Sans", "STIXGeneral"))
    letter = next(chr(code) for code in sorted(set(other) - set(own)) if chr(code).isprintable())
    monkeypatch.setattr("archlab.view.drawing.fonts.families", lambda: ["DejaVu Sans"])
    assert lacking([letter]) == letter
    monkeypatch.setattr(
        "archlab.view.drawing.fonts.families", lambda: ["DejaVu Sans", "STIXGeneral"]
    )
    assert lacking([letter]) == ""


@pytest.mark.parametrize(
    ("letters", "fonts"),
    [("漢かハ한", ", or install Noto Sans CJK SC."), ("ไ", ", or install Noto Sans Thai."),
     ("漢ไ", ", or install Noto Sans CJK SC and Noto Sans Thai."), ("𒀀", "are used.")],
)  # fmt: skip
def test_the_advice_names_a_font_that_is_looked_for(letters, fonts) -> None:
    assert advice(letters).endswith(fonts)


def test_the_advice_names_a_few_letters() -> None:
    said = advice("".join(map(chr, range(0x4E00, 0x4E20))))
    assert "has 32 letters of this drawing" in said
    assert ": 一丁丂七丄丅丆万 …." in said
