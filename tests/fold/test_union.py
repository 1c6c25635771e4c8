"""Two graphs over each other: only what differs is marked."""

from hand_made_graphs import Maker, residual

from archlab.fold import Role, fold, union


def drawn(first, second):
    both = union(first, second)
    return fold(both.graph, difference=both)


def test_equal_graphs_have_no_marks() -> None:
    both = union(residual(3), residual(3))
    assert both.marks == {}
    assert both.edges == {}
    assert both.gone == ()
    assert len(both.graph.nodes) == len(residual(3).nodes)


def test_shortcuts_that_are_added_light_up_alone() -> None:
    drawing = drawn(residual(3, shortcut=False), residual(3))
    assert [box.mark for box in drawing.boxes] == ["", "", "", "", "added", ""]
    assert [(edge.role, edge.mark) for edge in drawing.edges if edge.mark] == [
        (Role.IDENTITY, "added")
    ]
    assert drawing.groups[0].times == 3  # what is equally different folds as before


def test_shortcuts_that_are_removed_are_drawn_all_the_same() -> None:
    drawing = drawn(residual(3), residual(3, shortcut=False))
    assert [box.title for box in drawing.boxes if box.mark == "removed"] == ["+"]
    assert {edge.role for edge in drawing.edges if edge.mark == "removed"} == {
        Role.IDENTITY, Role.MAIN,
    }  # fmt: skip
    assert not [edge for edge in drawing.edges if edge.mark == "added"]


def test_more_blocks_of_the_same_kind_are_added() -> None:
    drawing = drawn(residual(2), residual(5))
    assert [(group.times, group.mark) for group in drawing.groups if group.path != "layer"] == [
        (2, ""), (3, "added"),
    ]  # fmt: skip


def stem(channels: int, names: str = "c"):
    make = Maker()
    return make.graph([make.conv(make.conv(make.input(), f"{names}1", channels=channels),
                                 f"{names}2")])  # fmt: skip


def test_another_width_is_a_change() -> None:
    both = union(stem(8), stem(16))
    assert both.marks == {0: "changed", 1: "changed"}
    # The second convolution makes what it made, of another width.
    assert [reason.split()[0] for reason in both.reasons.values()] == ["makes", "weights"]


def test_nets_with_other_names_are_matched_by_what_they_do() -> None:
    both = union(stem(8, "conv"), stem(8, "layer"))
    assert both.marks == {}


def test_nets_that_share_nothing_are_removed_and_added() -> None:
    make = Maker()
    other = make.graph([make.relu(make.pool(make.input(), "p"), "r")])
    both = union(stem(8), other)
    assert sorted(both.marks.values()) == ["added", "added", "removed", "removed"]
    assert len(fold(both.graph, difference=both).boxes) == 6
