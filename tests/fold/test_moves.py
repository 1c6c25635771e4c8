"""Where an operator takes an axis, and which operators compute across one."""

import pytest
from hand_made_graphs import Maker

from archlab.fold.moves import Place, carried, mixes
from archlab.ir.graph import Graph
from archlab.ir.kinds import (
    Attrs,
    AxesAttrs,
    ConvAttrs,
    FunctionAttrs,
    Kind,
    MatmulAttrs,
    PermuteAttrs,
    SliceAttrs,
)

CONV = ConvAttrs((3, 3), (1, 1), (1, 1), (1, 1), 1, bias=False)
PRODUCT = MatmulAttrs(1, 2, 3, 4)


def made(
    kind: Kind, attrs: Attrs | None, after: tuple[int, ...], *before: tuple[int, ...]
) -> Graph:
    make = Maker()
    return make.graph([make.node(kind, "op", "", [make.input(s) for s in before], after, attrs)])


@pytest.mark.parametrize(
    ("before", "after", "place", "found"),
    [
        ((4, 6), (24,), Place(0, 4), (Place(0, 4, 6),)),
        ((24,), (2, 2, 6), Place(0, 4, 6), ()),  # it would lie in two axes
        ((2, 3, 4), (6, 4), Place(1, 3), (Place(0, 3),)),
        ((5, 1, 4), (5, 4), Place(1, 1), (Place(0, 1), Place(1, 1, 4))),  # at the border of both
    ],
)
def test_an_axis_is_followed_through_a_reshape(before, after, place, found) -> None:
    make = Maker()
    x = make.node(Kind.RESHAPE, "view", "", [make.input(before)], after)
    graph = make.graph([x])
    assert set(carried(graph, graph.nodes[0], 0, place, after)) == set(found)


@pytest.mark.parametrize(
    ("kind", "attrs", "shapes", "moves"),
    [
        (Kind.PERMUTE, PermuteAttrs((0, 2, 1)), [(2, 4, 3), (2, 3, 4)], {0: 0, 1: 2, 2: 1}),
        (Kind.RESHAPE, AxesAttrs("unsqueeze", (1,)), [(2, 1, 3), (2, 3)], {0: 0, 1: 2}),
        (Kind.RESHAPE, AxesAttrs("squeeze", (1,)), [(2, 3), (2, 1, 3)], {0: 0, 1: None, 2: 1}),
        (Kind.RESHAPE, None, [(5, 2, 3), (2, 3)], {0: 1, 1: 2}),  # expanded
        (Kind.SLICE, SliceAttrs(1, (0,), drop=True), [(2, 4), (2, 3, 4)], {0: 0, 1: None, 2: 1}),
        (Kind.REDUCE, AxesAttrs("mean", (1,)), [(2, 4), (2, 3, 4)], {0: 0, 1: None, 2: 1}),
        (Kind.CONCAT, AxesAttrs("stack", (1,)), [(2, 2, 3), (2, 3), (2, 3)], {0: 0, 1: 2}),
        (Kind.CONV, CONV, [(1, 8, 4, 4), (1, 3, 4, 4)], {0: 0, 1: None, 2: 2}),
        (Kind.MATMUL, PRODUCT, [(2, 4), (2, 3), (3, 4)], {0: 0, 1: None}),
        (Kind.ELEMENTWISE, None, [(2, 3), (3,), (2, 3)], {0: 1}),
    ],
)
def test_an_axis_moves(kind: Kind, attrs: Attrs | None, shapes: list, moves: dict) -> None:
    after, *before = shapes
    graph = made(kind, attrs, after, *before)
    for axis, moved in moves.items():
        place = Place(axis, before[0][axis])
        found = carried(graph, graph.nodes[0], 0, place, after)
        assert [each.axis for each in found] == ([] if moved is None else [moved]), axis


@pytest.mark.parametrize(
    ("kind", "attrs", "shapes", "mixed"),
    [
        (Kind.CONV, CONV, [(2, 8, 4, 4), (2, 3, 4, 4)], {1, 2, 3}),
        (Kind.MATMUL, PRODUCT, [(2, 4), (2, 3), (3, 4)], {1}),
        (Kind.SOFTMAX, AxesAttrs("softmax", (1,)), [(2, 3), (2, 3)], {1}),
        (Kind.REDUCE, AxesAttrs("mean", (1,)), [(2,), (2, 3)], {1}),
        (Kind.REDUCE, AxesAttrs("mean", (0, 1)), [(), (2, 3)], set()),  # a loss, of all samples
        (Kind.SLICE, SliceAttrs(1, (0,)), [(2, 2), (2, 3)], {1}),
        (Kind.GATHER, FunctionAttrs("index"), [(5, 3), (2, 3), (5,)], {0}),
        (Kind.ELEMENTWISE, None, [(2, 3), (2, 3)], set()),
    ],
)
def test_a_layer_computes_across_axes(
    kind: Kind, attrs: Attrs | None, shapes: list, mixed: set[int]
) -> None:
    after, *before = shapes
    graph = made(kind, attrs, after, *before)
    sizes = enumerate(before[0])
    found = {i for i, size in sizes if mixes(graph, graph.nodes[0], 0, Place(i, size))}
    assert found == mixed
