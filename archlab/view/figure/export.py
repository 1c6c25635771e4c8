"""A matplotlib figure as a file: one style, and the same bytes for the same numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archlab.errors import OptionError
from archlab.quoting import visible_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("svg", "png", "pdf")
# Okabe and Ito's colours, told apart by colour-blind readers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#555555"  # of words that stand back
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "archlab",  # ids in an SVG are random without it
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "axes.titlelocation": "left",
}


def exported(draw: Callable[[], Figure], suffix: str, *, dpi: int = 150) -> bytes:
    """Return the figure that `draw` makes, in our style, as the bytes of an svg, png or pdf file.

    Raises:
        OptionError: another suffix.
    """
    if suffix not in FORMATS:
        raise OptionError(f"a plot is written as {', '.join(FORMATS)}; {suffix!r} was given.")
    import matplotlib as mpl  # here: it takes 0.4 s, and only figures need it

    mpl.use("Agg")
    # A date in the file would make each one different.
    dateless: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    target = io.BytesIO()
    with mpl.rc_context(STYLE):
        figure = draw()
        _show_names(figure)
        figure.savefig(target, format=suffix, metadata=dateless[suffix], dpi=dpi)
    return target.getvalue()


def _show_names(figure: Figure) -> None:
    """Let names stand as they are: no control characters, and no formulas between dollars."""
    from matplotlib.text import Text  # here: see `exported`

    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        content = text.get_text()
        text.set_text(visible_lines(content))
        # Powers of ten along an axis are matplotlib's own formulas, written when it draws.
        text.set_parse_math(not content)
