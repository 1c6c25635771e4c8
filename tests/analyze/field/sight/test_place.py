"""What is written into parts of a tensor, on graphs of a few nodes: unit by unit, by hand."""

from archlab.analyze.field.sight import sights
from archlab.ir.kinds import AxesAttrs, Kind, PlaceAttrs, SliceAttrs

ROWS = ((0, 1, 1, 0), (0, 1, 4, 1))  # all of the batch and of the channels


def whole(size: int) -> tuple[tuple[int, int, int, int], ...]:
    return (*ROWS, (0, 1, size, 2), (0, 1, 6, 3))


def rows(start: int, step: int, size: int) -> tuple[tuple[int, int, int, int], ...]:
    return (*ROWS, (start, step, size, 2), (0, 1, 6, 3))


def placed(build, inputs, shape, *boxes):
    node = build.node(Kind.SCATTER, inputs, shape, op="archlab.update", attrs=PlaceAttrs(boxes))
    return sights(build.graph())[0][node]


def spans(field) -> list[tuple[int, int] | None]:
    pairs = zip(field.low.tolist(), field.high.tolist(), strict=True)
    return [(low, high) if low <= high else None for low, high in pairs]


def test_a_write_hides_what_was_there(build) -> None:
    x = build.input(1, 4, 8, 6)
    wide = build.conv(x, 4, kernel=5)
    part = build.node(Kind.SLICE, (x,), (1, 4, 3, 6), attrs=SliceAttrs(2, (0,)))
    sight = placed(build, (wide, part), (1, 4, 8, 6), whole(8), rows(0, 1, 3))
    assert spans(sight.axes[0]) == [(0, 0), (1, 1), (2, 2), (1, 5), (2, 6), (3, 7), (4, 7), (5, 7)]
    assert not sight.axes[0].exact


def test_every_second_row_of_nothing(build) -> None:
    x = build.input(1, 4, 4, 6)
    empty = build.param("zeros", 1, 4, 8, 6)
    sight = placed(build, (empty, x), (1, 4, 8, 6), whole(8), rows(1, 2, 4))
    field = sight.axes[0]
    assert spans(field) == [None, (0, 0), None, (1, 1), None, (2, 2), None, (3, 3)]
    assert field.step == 1 / 2
    assert not field.exact


def test_channels_that_see_differently_are_seen_together(build) -> None:
    x = build.input(1, 4, 8, 6)
    part = build.conv(x, 2, kernel=3)
    box = ((0, 1, 1, 0), (0, 1, 2, 1), (0, 1, 8, 2), (0, 1, 6, 3))
    sight = placed(build, (x, part), (1, 4, 8, 6), whole(8), box)
    field = sight.axes[0]
    assert (field.width, field.shortest, field.exact, sight.uneven) == (3, 1, True, True)


def test_a_write_that_is_larger_than_what_is_read(build) -> None:
    x = build.input(1, 4, 8, 6)
    sight = placed(build, (x,), (1, 4, 4, 6), rows(-2, 1, 8))
    assert spans(sight.axes[0]) == [(2, 2), (3, 3), (4, 4), (5, 5)]
    assert (sight.axes[0].lo, sight.axes[0].exact) == (2, True)


def test_tables_that_differ_along_the_other_axis_only_bound(build) -> None:
    # Row 3 sees five rows in its left half, and one in its right half.
    x = build.input(1, 4, 8, 6)
    left = build.node(
        Kind.SLICE, (build.conv(x, 4, kernel=5),), (1, 4, 8, 3), attrs=SliceAttrs(3, (0,))
    )
    box = (*ROWS, (0, 1, 8, 2), (0, 1, 3, 3))
    sight = placed(build, (x, left), (1, 4, 8, 6), whole(8), box)
    assert spans(sight.axes[0])[3] == (1, 5)
    assert not sight.axes[0].sure


def test_a_place_that_is_not_known_is_lost(build) -> None:
    x = build.input(1, 4, 8, 6)
    sight = placed(build, (x, x), (1, 4, 8, 6), whole(8), None)
    assert sight.lost.startswith("archlab.update in")


def test_a_value_that_does_not_fit_its_place_is_lost(build) -> None:
    x = build.input(1, 4, 8, 6)
    sight = placed(build, (x, x), (1, 4, 8, 6), whole(8), rows(0, 1, 3))
    assert sight.lost.startswith("archlab.update in")


def test_the_same_elements_in_another_shape(build) -> None:
    x = build.node(Kind.RESHAPE, (build.input(1, 4, 8, 6),), (4, 48), op="aten.view")
    sight = placed(build, (x,), (1, 4, 8, 6), ())
    assert [axis.size for axis in sight.axes[:2]] == [8, 6]


def test_both_ends_beside_each_other(build) -> None:
    # The rows of the image twice: unit 8 sees row 0 again.
    x = build.input(1, 4, 8, 6)
    y = build.node(Kind.CONCAT, (x, x), (1, 4, 16, 6), attrs=AxesAttrs("cat", (2,)))
    field = sights(build.graph())[0][y].axes[0]
    assert spans(field) == [(row % 8, row % 8) for row in range(16)]


def test_vectors_of_one_place_beside_each_other_stay_vectors(build) -> None:
    x = build.conv(build.input(1, 4, 8, 6), 4, kernel=3)
    last = build.node(Kind.SLICE, (x,), (1, 4, 6), attrs=SliceAttrs(2, (7,), drop=True))
    y = build.node(Kind.CONCAT, (last, last), (1, 8, 6), attrs=AxesAttrs("cat", (1,)))
    sight = sights(build.graph())[0][y]
    assert (sight.lost, sight.axes[0]) == ("", None)


def test_rows_are_put_together_again_in_any_order(build) -> None:
    x = build.input(1, 4, 3, 6)
    rows = [
        build.node(Kind.SLICE, (x,), (1, 4, 6), attrs=SliceAttrs(2, (row,), drop=True))
        for row in (2, 0, 1)
    ]
    y = build.node(Kind.CONCAT, rows, (1, 4, 3, 6), attrs=AxesAttrs("stack", (2,)))
    assert spans(sights(build.graph())[0][y].axes[0]) == [(2, 2), (0, 0), (1, 1)]


def test_tokens_in_front_may_see_something_themselves(build) -> None:
    x = build.input(1, 4, 8, 6)
    tokens = build.node(Kind.RESHAPE, (x,), (1, 4, 48), op="aten.view")
    average = AxesAttrs("mean", (2,), keepdim=True)
    mean = build.node(Kind.REDUCE, (tokens,), (1, 4, 1), attrs=average)
    y = build.node(Kind.CONCAT, (mean, tokens), (1, 4, 49), attrs=AxesAttrs("cat", (2,)))
    sight = sights(build.graph())[0][y]
    assert (sight.layout[2].lead, sight.lost) == (1, "")
