"""Colours of a terminal: the sixteen that each terminal shows so that they can be read on its page.

A colour never says what no word says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PLAIN, BOLD, QUIET = "", "1", "90"
SHORTCUT, SKIP, HEAT = "31", "35", "91"
# Role of a kind's colour (archlab.view.theme) -> the code of the terminal's colour nearest to it.
KINDS = {
    "conv": "34",
    "linear": "32",
    "attention": "35",
    "recurrent": "91",
    "norm": "90",
    "activation": "33",
    "pool": "36",
    "resample": "96",
    "join": "1",
    "unknown": "31",
    "other": "",
}
MARKS = {"added": "32", "removed": "31", "changed": "33"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A text of one colour."""

    text: str
    colour: str = PLAIN


def inked(pieces: Iterable[Piece], *, colours: bool) -> str:
    """Return pieces as one line, without blanks at its end.

    Example:
        >>> inked([Piece("Conv", KINDS["conv"]), Piece(" 3×3 ")], colours=False)
        'Conv 3×3'
    """
    if not colours:
        return "".join(piece.text for piece in pieces).rstrip()
    return "".join(
        f"\x1b[{piece.colour}m{piece.text}\x1b[0m" if piece.colour else piece.text
        for piece in pieces
    ).rstrip()
