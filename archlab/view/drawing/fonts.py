"""How wide a text is in DejaVu Sans, the font that comes with matplotlib."""

from __future__ import annotations

import importlib.util
import unicodedata
from functools import lru_cache
from pathlib import Path

LINE = 1.3  # height of a line, in sizes of its font
_WIDE = 1.0  # of a letter that the font does not have, in sizes
_OTHERS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "WenQuanYi Zen Hei", "PingFang SC",
    "Hiragino Sans", "Microsoft YaHei", "Yu Gothic", "Noto Sans Hebrew", "Noto Sans Arabic",
    "Arial Unicode MS",
)  # fmt: skip


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


@lru_cache(maxsize=1)
def families() -> list[str]:
    """Return matplotlib's font, then what the machine has for letters that it lacks."""
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _OTHERS if name in known)]
