"""What patterns ask of operators, on a chain of two convolutions and a sum."""

from hand_made_graphs import residual

from archlab.fold.flow import flow
from archlab.fold.patterns.view import View


def test_a_view_tells_sources_readers_and_weights() -> None:
    graph = residual(1)
    view = View(graph, flow(graph))
    joins = [node.id for node in graph.nodes if view.does(node.id, "add")]
    assert len(joins) == 1
    (join,) = joins
    assert len(view.sources(join)) == 2
    assert view.only(join) == join  # it has two sources, not one
    assert view.node(-1) is None
    assert view.sources(-1) == ()
    for source in view.sources(join):
        # The other operand is read by the block, too.
        assert (view.reader(source) == join) == (len(view.flow.readers[source]) == 1)
    assert view.learned(0)
    assert not view.learned(join)
