"""A block holds what is placed relative to its trunk."""

from archlab.layout.block import Block
from archlab.layout.levels import OUTSIDE


def test_a_new_block_is_empty_and_shares_nothing_with_another() -> None:
    first, second = Block(1, 2, 3), Block(1, 2, 3)
    first.ins[0] = 0.0
    assert (second.ins, second.item, second.rect) == ({}, OUTSIDE, None)
