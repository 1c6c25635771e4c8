"""Calls as a tree, and its plainest form: wrappers and frames that say nothing are gone."""

import pytest
from hand_made_graphs import Maker

from archlab.fold import fold
from archlab.fold.tree import Block, Leaf, dissolved, unwrapped
from archlab.ir.graph import ModuleCall


def test_a_module_list_has_a_frame_although_it_is_never_called() -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    make.modules["units"] = "ModuleList"
    for i in range(2):
        x = make.block(x, f"units.{i}", channels=16 if i else None)
    before = len(make.nodes)
    x = make.block(make.block(x, "tail.0"), "tail.1", channels=4)
    make.leaf("tail", "Sequential", before)
    assert [group.path for group in fold(make.graph([x])).groups] == [
        "units", "units.0", "units.1", "tail", "tail.0", "tail.1",
    ]  # fmt: skip


def test_a_caught_exception_leaves_a_drawable_tree() -> None:
    make = Maker()
    x = make.conv(make.input(), "a")
    make.calls.append(ModuleCall("odd", 0, 0, 5, (), ()))  # ends behind its caller
    make.modules["odd"] = "Odd"
    x = make.conv(x, "b")
    assert [box.id for box in fold(make.graph([x])).boxes][-1] == "output"


def outline(item: Leaf | Block) -> tuple | list:
    """A leaf as its nodes, a block as its path and what is in it."""
    return item.parts if isinstance(item, Leaf) else [item.path, *map(outline, item.children)]


def leaf(number: int, path: str = "net") -> Leaf:
    return Leaf((number,), (number,), path, "Conv2d", own=False)


@pytest.mark.parametrize(
    ("inner", "shown"), [("Attention", "Attention"), ("Sequential", "Wrapper")]
)
def test_a_wrapper_gives_its_path_to_what_it_wraps(inner, shown) -> None:
    within = Block("w.inner", inner, (leaf(0), leaf(1)), (0, 1), ("w.inner",))
    plain = unwrapped(Block("w", "Wrapper", (within,), (0, 1, 2), ("w",)))
    assert isinstance(plain, Block)
    assert (plain.path, plain.type, plain.nodes) == ("w", shown, (0, 1, 2))
    assert plain.paths == ("w", "w.inner")  # both can be asked for


def test_a_module_of_one_operator_is_a_leaf_and_one_of_none_is_nothing() -> None:
    plain = unwrapped(Block("c", "Conv2d", (leaf(1, "c"),), (0, 1, 2), ("c",)))
    assert isinstance(plain, Leaf)
    assert (plain.parts, plain.nodes, plain.path, plain.own) == ((1,), (0, 1, 2), "c", True)
    assert unwrapped(Block("e", "Empty", (), (3,))) is None


def test_a_sequential_around_nearly_everything_is_dissolved() -> None:
    body = Block("net.body", "Sequential", (leaf(1), leaf(2)), (1, 2), ("net.body",))
    twin = Block("net.twin", "Sequential", (leaf(3), leaf(4)), (3, 4), ("net.twin",))
    outer = Block("net", "Net", (), (0, 1, 2, 3, 4), ("net",))
    lifted, items = dissolved(outer, [leaf(0), body])
    assert [outline(item) for item in items] == [(0,), (1,), (2,)]
    assert lifted.paths == ("net", "net.body")
    assert dissolved(outer, [body, twin]) == (outer, [body, twin])  # two frames tell something
