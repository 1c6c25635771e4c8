"""Sums up the module tree, and the two orders of modules: as held, and as called."""

from typing import NamedTuple

from archlab.analyze.tree import by_module, call_order, total, tree_order
from archlab.ir.graph import ModuleCall
from archlab.ir.kinds import Kind


class Amount(NamedTuple):
    eggs: int = 0
    flour: int = 0


def test_a_total_is_field_by_field_and_zero_of_nothing() -> None:
    assert total(Amount, [Amount(1, 10), Amount(2, 20)]) == (3, 30)
    assert total(Amount, []) == (0, 0)


def test_a_module_holds_what_its_children_hold(build) -> None:
    x = build.input(1, 4)
    for path in ("a.b", "a.c", "d"):
        x = build.same(Kind.ACTIVATION, x, path=path)
    amounts = [("a.b", Amount(1)), ("a.b", Amount(2)), ("a", Amount(4)), ("lost", Amount(8))]
    sums = {path: amount.eggs for path, amount in by_module(build.graph(), Amount, amounts).items()}
    assert sums == {"": 15, "a": 7, "a.b": 3, "a.c": 0, "d": 0, "lost": 8}


def test_parents_come_first_and_siblings_as_they_are_held(build) -> None:
    build.types |= dict.fromkeys(("b", "b.y", "a", "b.x"), "Layer")
    build.input(1, 4)
    assert tree_order(build.graph()) == ["", "b", "b.y", "b.x", "a"]


def test_of_calls_that_run_the_same_nodes_the_outer_one_comes_first(build) -> None:
    build.input(1, 4)
    nodes = {"a.b": (0, 2), "a": (0, 2), "c": (2, 3), "": (0, 3)}
    build.calls = [ModuleCall(path, 0, *span, (), ()) for path, span in nodes.items()]
    assert [call.path for call in call_order(build.graph())] == ["", "a", "a.b", "c"]
