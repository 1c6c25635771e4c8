"""What follows what: items alone in a row, branches side by side, the rest by its longest path."""

from archlab.fold.drawing import Role
from archlab.layout.divide import divide, members
from archlab.layout.levels import Link

NO_WEIGHTS: dict[int, tuple[int, int, int]] = {}


def links(*pairs, role=Role.MAIN):
    return [Link(i, a, b, a, role) for i, (a, b) in enumerate(pairs)]


def rows(count, *pairs):
    return divide(range(count), links(*pairs), NO_WEIGHTS)[0]


def test_a_chain_is_one_item_a_row() -> None:
    assert rows(3, (0, 1), (1, 2)) == [[0], [1], [2]]


def test_a_way_around_leaves_the_rows_as_they_are() -> None:
    assert rows(4, (0, 1), (1, 2), (2, 3), (0, 3)) == [[0], [1], [2], [3]]


def test_branches_stand_side_by_side_in_the_order_of_the_code() -> None:
    # 0 forks to 1, to 2 → 3, and to 4; 5 joins them.
    found = rows(6, (0, 1), (0, 2), (2, 3), (0, 4), (1, 5), (3, 5), (4, 5))
    assert found == [[0], [1, [[2], [3]], 4], [5]]
    assert members(found[1][1]) == [2, 3]


def test_what_nothing_joins_stands_side_by_side() -> None:
    assert rows(3, (0, 2)) == [[[[0], [2]], 1]]


def test_branches_may_fork_again() -> None:
    found = rows(7, (0, 1), (1, 2), (1, 3), (2, 4), (3, 4), (0, 5), (4, 6), (5, 6))
    assert found == [[0], [[[1], [2, 3], [4]], 5], [6]]


def test_what_does_not_fall_apart_is_ranked_by_the_longest_path() -> None:
    # The smallest graph that is not series-parallel: 1 feeds 3 and 4, 2 feeds only 4.
    found = rows(6, (0, 1), (0, 2), (1, 3), (1, 4), (2, 4), (3, 5), (4, 5))
    assert [sorted(row) for row in found] == [[0], [1, 2], [3, 4], [5]]


def test_the_trunk_of_a_ranked_level_is_its_heaviest_way() -> None:
    pairs = ((0, 1), (0, 2), (1, 3), (1, 4), (2, 4), (3, 5), (4, 5))
    weights = {item: (100 if item in (2, 4) else 1, 0, 1) for item in range(6)}
    _, trunk = divide(range(6), links(*pairs), weights)
    assert trunk == {2, 4}  # 0 and 5 are alone in their rows


def test_an_edge_against_the_flow_counts_for_nothing() -> None:
    back = Link(9, 2, 0, 2, Role.REPEAT, back=True)
    assert divide(range(3), [*links((0, 1), (1, 2)), back], NO_WEIGHTS)[0] == [[0], [1], [2]]
