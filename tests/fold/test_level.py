"""The inside of every module, on graphs of a few lines."""

from hand_made_graphs import Maker, inception, residual

from archlab.fold import Shape, Wish, level, levels, places
from archlab.fold.level import ENTRY, EXIT


def chain(make: Maker, x: int, path: str, count: int) -> int:
    """`count` convolutions of widths that differ, in a module: nothing folds, nothing is short."""
    start = len(make.nodes)
    for i in range(count):
        x = make.conv(x, f"{path}.{i}", kernel=1 + 2 * i)
    make.leaf(path, "Chain", start)
    return x


def two_modules():
    make = Maker()
    return make.graph([chain(make, chain(make, make.input(), "a", 4), "b", 5)])


def test_every_module_is_a_level_and_its_box_leads_to_it() -> None:
    found = levels(two_modules())
    top = found.levels[found.top]
    assert {box: found.levels[key].path for box, key in top.opens.items()} == {"a": "a", "b": "b"}
    assert [box.id for box in top.drawing.boxes] == ["input:x", "a", "b", "output"]
    assert found.closed == 0


def test_a_level_is_entered_and_left_through_ports() -> None:
    found = levels(two_modules())
    inside = next(item for item in found.levels.values() if item.path == "b").drawing
    shapes = [(box.id, box.shape) for box in inside.boxes]
    assert (shapes[0], shapes[-1]) == ((ENTRY, Shape.PORT), (EXIT, Shape.PORT))
    assert len(shapes) == 2 + 5
    assert (inside.edges[0].tail, inside.edges[-1].head) == (ENTRY, EXIT)
    assert inside.inside == "b"
    assert not any(edge.changed for edge in inside.edges if edge.tail == ENTRY)


def test_boxes_of_all_levels_stand_for_all_nodes() -> None:
    graph = two_modules()
    found = levels(graph)
    for each in found.levels.values():
        own = [node for box in each.drawing.boxes for node in box.nodes]
        assert len(own) == len(set(own))
    top = found.levels[found.top].drawing
    assert {node for box in top.boxes for node in box.nodes} == {n.id for n in graph.nodes}


def test_a_row_of_equal_blocks_is_one_level() -> None:
    found = levels(residual(4))
    row = found.levels[found.levels[found.top].opens["layer"]]
    assert row.times == 4
    ids = [box.id for box in row.drawing.boxes]
    assert "layer.0.conv1" in ids
    assert not any(name.startswith("layer.1") for name in ids)


def test_branches_are_open_with_their_module() -> None:
    found = levels(inception())
    branches = [group for item in found.levels.values() for group in item.drawing.groups
                if group.branches]  # fmt: skip
    assert {group.branch for group in branches} == set(range(1, branches[0].branches + 1))


def test_every_module_has_a_place() -> None:
    graph = two_modules()
    found = places(levels(graph), graph)
    assert set(found) == {call.path for call in graph.calls} - {""}  # the model is the page
    for path, (key, name) in found.items():
        drawing = levels(graph).levels[key].drawing
        assert name in {item.id for item in drawing.items}, path


def test_a_member_of_a_row_is_shown_by_the_first() -> None:
    graph = residual(4)
    found = places(levels(graph), graph)
    assert found["layer.3.conv1"] == found["layer.0.conv1"]


def test_there_is_an_end_to_levels(monkeypatch) -> None:
    monkeypatch.setattr(level, "MOST", 2)
    found = levels(two_modules())
    assert [item.path for item in found.levels.values()] == ["", "a"]
    assert found.closed == 1
    assert found.at_first == (found.top, "1")


def test_layers_put_together_are_a_level_of_their_own() -> None:
    make = Maker()
    x = make.input()
    for i in range(30):  # widths that differ: nothing folds
        x = make.conv(x, f"c{i}", channels=8 + i)
    found = levels(make.graph([x]), Wish(10))
    top = found.levels[found.top]
    paths = [found.levels[key].path for key in top.opens.values()]
    assert paths[:2] == ["c0 … c2", "c3 … c5"]
    second = found.levels[list(top.opens.values())[1]].drawing
    assert [box.path for box in second.boxes[1:-1]] == ["c3", "c4", "c5"]
    assert [box.path for box in top.drawing.boxes if box.id in top.opens] == paths
