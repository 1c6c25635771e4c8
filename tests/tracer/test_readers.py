"""What a reader says of a call in a net: where parts of an axis start, and with which stride."""

from tracing import meta, node, traced

import archlab
from archlab.ir.kinds import Kind, PadAttrs, SliceAttrs


def test_chunk_split_and_unbind_say_where_their_parts_start() -> None:
    graph = traced(lambda x: x.chunk(3, 1), meta(2, 7))
    assert node(graph, "split").attrs == SliceAttrs(1, (0, 3, 6))
    graph = traced(lambda x: x.split([1, 4, 2], -1), meta(2, 7))
    assert node(graph, "split_with_sizes").attrs == SliceAttrs(1, (0, 1, 5))
    assert [graph.shape(item) for item in graph.outputs] == [(2, 1), (2, 4), (2, 2)]
    graph = traced(lambda x: x.unbind(0), meta(3, 7))
    assert node(graph, "unbind").attrs == SliceAttrs(0, (0, 1, 2), drop=True)


def test_an_option_a_shortcut_is_a_strided_slice_and_zeros() -> None:
    # He et al. 2015, section 3.3 (A): every second position, the new channels zero.
    graph = archlab.trace("resnet20")
    slices = [item for item in graph.nodes if item.kind == Kind.SLICE]
    strided = [item.attrs for item in slices if isinstance(item.attrs, SliceAttrs)]
    halving = [(attrs.axis, attrs.starts) for attrs in strided if attrs.step == 2]
    assert halving == [(2, (0,)), (3, (0,))] * 2
    pads = [item.attrs for item in graph.nodes if item.kind == Kind.PAD]
    assert [attrs.mode for attrs in pads if isinstance(attrs, PadAttrs)] == ["constant"] * 2
    grown = [a.before[1] + a.after[1] for a in pads if isinstance(a, PadAttrs)]
    assert grown == [16, 32]
