"""Colours of a terminal."""

from archlab.view.drawing.ink import KINDS, MARKS, Piece, inked
from archlab.view.theme import KIND_TITLES


def test_each_kind_has_a_colour_and_a_piece_without_one_has_no_escape() -> None:
    assert set(KINDS) == set(KIND_TITLES)
    pieces = [Piece("+ ", MARKS["added"]), Piece("a"), Piece(" ")]
    assert inked(pieces, colours=True) == "\x1b[32m+ \x1b[0ma"
    assert inked(pieces, colours=False) == "+ a"
