"""How a long row is cut into stretches: where its lines fork and join."""

import pytest
from hand_made_graphs import u_net

from archlab.fold import Wish, fold
from archlab.fold.drawing import Role
from archlab.fold.flow import Flow
from archlab.fold.stretch import extent, is_stretch, stretches
from archlab.fold.tree import Block, Item, Leaf


def parent(signs: str) -> Block:
    """A module with an operator of its own for each `.`, and a module for each letter."""
    items = [Leaf((i,), (i,), "" if sign == "." else sign, "", own=sign != ".")
             for i, sign in enumerate(signs)]  # fmt: skip
    return Block("net", "Net", tuple(items), tuple(range(len(signs))))


def flow(count: int, *skips: tuple[int, int]) -> Flow:
    """A chain of operators, with lines from one to another besides."""
    return wired(count, [(i - 1, i) for i in range(count + 1)] + list(skips))


def wired(count: int, links: list[tuple[int, int]]) -> Flow:
    sources, readers = ({} for _ in range(2))
    for a, b in links:
        sources[b] = (*sources.get(b, ()), a)
        readers[a] = (*readers.get(a, ()), b)
    return Flow(frozenset(range(count)), {}, sources, readers, {}, ())


def cut(signs: str, room: int, *skips: tuple[int, int]) -> list[tuple[int, ...]]:
    return [item.nodes for item in stretches(parent(signs), room, flow(len(signs), *skips))]


def test_stretches_differ_in_length_by_one_at_most() -> None:
    items: tuple[Item, ...] = stretches(parent("abcdefg"), 3, flow(7))
    assert [item.nodes for item in items] == [(0, 1, 2), (3, 4), (5, 6)]
    blocks = [item for item in items if isinstance(item, Block)]
    assert [item.path for item in blocks] == ["a", "d", "f"]
    assert [extent(item) for item in blocks] == ["a … c", "d … e", "f … g"]
    assert all(map(is_stretch, blocks))


def test_operators_between_modules_are_put_together_first() -> None:
    assert cut("..a...bc", 5) == [(0, 1), (2,), (3, 4, 5), (6,), (7,)]
    # No operator in it has a path, so that it has that of the module.
    first = stretches(parent("..a...bc"), 5, flow(8))[0]
    assert first.path == "net"
    # Two modules are not what a picture is about: all items count the same.
    assert cut("..a...b", 5) == [(0, 1), (2, 3), (4,), (5,), (6,)]


def test_no_stretch_goes_over_a_fork_or_a_join() -> None:
    # 2 is read by 3 and 6: a skip leaves behind 2, not behind what it would be put together with.
    assert cut("abcdefgh", 7, (2, 6)) == [(0,), (1,), (2,), (3, 4), (5,), (6,), (7,)]
    assert cut("abcdefgh", 5, (2, 6)) == [(0, 1), (2,), (3, 4, 5), (6,), (7,)]
    # Where there is no room for a join of its own, it begins a stretch.
    assert cut("abcdefgh", 3, (2, 6)) == [(0, 1, 2), (3, 4, 5), (6, 7)]


def test_where_lines_are_too_many_a_region_with_one_way_in_and_out_becomes_one() -> None:
    # Two shortcuts one after the other, around 1 … 2 and 4 … 5, and a tail.
    skips = (0, 3), (3, 6)
    assert cut("abcdefgh", 3, *skips) == [(0, 1, 2, 3), (4, 5, 6), (7,)]
    assert cut("abcdefgh", 2, *skips) == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_a_region_that_is_all_there_is_is_cut_anywhere() -> None:
    """Every operator reads all before it: nothing can be put together without hiding a line."""
    every = [(a, b) for b in range(13) for a in range(-1, b - 1)]
    found = cut("abcdefghijkl", 6, *every)
    assert sum(found, ()) == tuple(range(12))
    assert len(found) == 6


def test_many_branches_side_by_side_are_one_box_and_not_some_of_them() -> None:
    """What comes after a detector's heads: an operator for each of many classes."""
    branches = range(2, 22)
    links = [(-1, 0), (0, 1), *((1, i) for i in branches), *((i, 22) for i in branches), (22, 23)]
    items = stretches(parent("abcdefghijklmnopqrstuvwx"), 6, wired(24, [*links, (23, 24)]))
    assert [item.nodes for item in items] == [(0,), (1,), (*branches, 22), (23,)]


def test_operators_behind_modules_do_not_take_the_room_of_modules() -> None:
    """What a detector does with its boxes reads the backbone's maps around the head."""
    around = [(1, i) for i in range(4, 24)]
    assert cut("abc" + 21 * ".", 8, *around) == [(0,), (1,), (2,), tuple(range(3, 24))]


@pytest.mark.parametrize("boxes", [8, 9, 10, 12])
def test_skips_of_a_u_net_leave_and_end_where_they_do_in_the_model(boxes) -> None:
    full = {box.id: box for box in fold(u_net()).boxes}
    skips = [edge for edge in fold(u_net()).edges if edge.role == Role.CONCAT]
    few = fold(u_net(), Wish(boxes))
    assert len(few.boxes) <= boxes
    holder = {node: box for box in few.boxes for node in box.nodes}
    drawn = {(edge.tail, edge.head) for edge in few.edges if edge.role == Role.CONCAT}
    for skip in skips:
        left, read = full[skip.tail].nodes[-1], full[skip.head].nodes[0]
        assert (holder[left].id, holder[read].id) in drawn
        assert (holder[left].nodes[-1], holder[read].nodes[0]) == (left, read)
