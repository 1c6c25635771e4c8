"""The calls of modules as a tree, with the operators between them."""

from hand_made_graphs import Maker

from archlab.fold.calls import call_tree
from archlab.fold.tree import Block, Leaf
from archlab.ir.graph import Failure


def outline(item: Leaf | Block) -> tuple | list:
    """A leaf as its nodes, a block as its path and what is in it."""
    return item.parts if isinstance(item, Leaf) else [item.path, *map(outline, item.children)]


def leaf(number: int, path: str = "net") -> Leaf:
    return Leaf((number,), (number,), path, "Conv2d", own=False)


def test_calls_nest_and_operators_between_them_are_leaves() -> None:
    make = Maker()
    x = make.conv(make.input(), "body.a")
    x = make.relu(x, "body", module=False)
    make.leaf("body", "Body", 0)
    graph = make.graph([make.conv(x, "head")])
    assert outline(call_tree(graph)) == ["", ["body", ["body.a", (0,)], (1,)], ["head", (2,)]]


def test_a_call_that_a_failure_cut_short_holds_what_ran_in_it() -> None:
    make = Maker()
    make.conv(make.conv(make.input(), "stem"), "body.a")
    graph = make.graph([], failure=Failure("body.b", "boom"))
    assert outline(call_tree(graph)) == ["", ["stem", (0,)], ["body", ["body.a", (1,)]]]
