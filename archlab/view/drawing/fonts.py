"""How wide a text is in DejaVu Sans, the font that comes with matplotlib, and what it lacks."""

from __future__ import annotations

import importlib.util
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

LINE = 1.3  # height of a line, in sizes of its font
_WIDE = 1.0  # of a letter that the font does not have, in sizes
_OTHERS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "WenQuanYi Zen Hei", "PingFang SC",
    "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Noto Sans Hebrew",
    "Noto Sans Arabic", "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil",
    "Noto Sans Thai", "Noto Emoji", "Arial Unicode MS",
)  # fmt: skip
# First word of a letter's Unicode name -> a family of `_OTHERS` that has it.
_CJK = "Noto Sans CJK SC"
_FAMILY = {
    "CJK": _CJK, "HIRAGANA": _CJK, "KATAKANA": _CJK, "HANGUL": _CJK, "BOPOMOFO": _CJK,
    "FULLWIDTH": _CJK, "IDEOGRAPHIC": _CJK, "HEBREW": "Noto Sans Hebrew",
    "ARABIC": "Noto Sans Arabic", "DEVANAGARI": "Noto Sans Devanagari",
    "BENGALI": "Noto Sans Bengali", "TAMIL": "Noto Sans Tamil", "THAI": "Noto Sans Thai",
}  # fmt: skip
_NAMED = 8  # letters that a message names


@lru_cache(maxsize=8192)
def text_width(content: str, points: float, *, bold: bool = False) -> float:
    """Return the width of one line of text in points.

    Example:
        >>> round(text_width("Conv 3×3", 10), 1)
        49.6
    """
    widths = _widths("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return points * sum(_letter(letter, widths) for letter in content)


def folder() -> Path:
    """Return where matplotlib keeps its fonts."""
    spec = importlib.util.find_spec("matplotlib")  # not imported: that takes 0.4 s
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"


def _letter(letter: str, widths: dict[int, float]) -> float:
    if unicodedata.combining(letter):
        return 0.0
    return widths.get(ord(letter), _WIDE)


@lru_cache(maxsize=2)
def _widths(name: str) -> dict[int, float]:
    """Return the width of every letter of the font, in sizes of the font."""
    from fontTools.ttLib import TTFont  # here: only pictures need it

    with TTFont(folder() / name, lazy=True) as font:
        unit = font["head"].unitsPerEm
        advances = font["hmtx"].metrics
        return {code: advances[glyph][0] / unit for code, glyph in font.getBestCmap().items()}


def lacking(texts: Iterable[str]) -> str:
    """Return the letters of texts that no font found on this machine has, each once, in order.

    Example:
        >>> lacking(["Conv 3×3", "größe"])
        ''
    """
    own = _widths("DejaVuSans.ttf")
    letters = dict.fromkeys(letter for text in texts for letter in text)
    odd = [letter for letter in letters if ord(letter) not in own and letter.isprintable()]
    if not odd:
        return ""
    from matplotlib.font_manager import findfont, get_font  # here: most names are of Latin letters

    # What matplotlib draws them with, too.
    known = [get_font(findfont(family)).get_charmap() for family in families()[1:]]
    return "".join(letter for letter in odd if not any(ord(letter) in font for font in known))


def advice(letters: str) -> str:
    """Return what to do about letters that no font has, as a sentence."""
    first_words = {unicodedata.name(letter, "").partition(" ")[0] for letter in letters}
    wanted = sorted({_FAMILY[word] for word in first_words if word in _FAMILY})
    install = f", or install {' and '.join(wanted)}" if wanted else ""
    more = " …" if len(letters) > _NAMED else ""
    count = "a letter" if len(letters) == 1 else f"{len(letters)} letters"
    return (
        f"no font found here has {count} of this drawing, which PNG and PDF show as boxes: "
        f"{letters[:_NAMED]}{more}. Write .svg, where the reader's fonts are used{install}."
    )


@lru_cache(maxsize=1)
def families() -> list[str]:
    """Return matplotlib's font, then what the machine has for letters that it lacks."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _OTHERS if name in known)]
