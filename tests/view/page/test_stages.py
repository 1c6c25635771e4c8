"""Where the cost of a net is, on levels made up by hand."""

from archlab.fold import Level, Levels, Shape
from archlab.fold.drawing import Amounts, Box, Drawing, Group
from archlab.view.page.stages import cost_by_stage


def box(path: str, node: int, shape: Shape = Shape.OPERATOR, **more) -> Box:
    return Box(path, path, shape, path, nodes=(node,), **more)


def level(path: str, *items: Box | Group, opens: dict[str, str] | None = None) -> Level:
    boxes, groups = ([item for item in items if isinstance(item, kind)] for kind in (Box, Group))
    drawing = Drawing("net", "", "eval", "", tuple(boxes), tuple(groups), ())
    return Level(path, drawing, opens or {})


def cost(macs, params=0, memory=0):
    return {"macs": macs, "params": params, "memory": memory}


def lines(levels, heats):
    return {bar.label: bar for bar in cost_by_stage(Levels("0", levels, ("0",)), heats).bars}


def test_a_part_with_nearly_all_is_shown_by_what_is_in_it() -> None:
    """The body has 900 of 1,000 MACs: more than 7 in 10. Of the 900 no part has so many."""
    levels = {
        "0": level("", box("stem", 0), box("body", 1), opens={"body": "1", "stem": "2"}),
        "1": level("body", box("body.a", 1), box("body.b", 2), opens={"body.a": "3"}),
    }
    heats = {
        "0": {"stem": cost(100, 4000, 2048), "body": cost(900, 2000)},
        "1": {"body.a": cost(600, 1500), "body.b": cost(300, 500)},
    }
    bars = lines(levels, heats)
    assert list(bars) == ["stem", "body.a", "body.b"]
    assert bars["stem"].texts == ["100", "4.000 K", "2.00 KiB"]
    # Each bar is a share of the longest in its column.
    assert [bar.shares for bar in bars.values()] == [
        [100 / 600, 1, 1], [1, 1500 / 4000, 0], [0.5, 500 / 4000, 0],
    ]  # fmt: skip


def test_joins_are_one_line_at_the_end() -> None:
    levels = {
        "0": level("", box("a/add", 0, Shape.SUM), box("conv", 1), box("a/cat", 2, Shape.CONCAT))
    }
    heats = {"0": {"a/add": cost(0, 0, 512), "conv": cost(10), "a/cat": cost(0, 0, 1536)}}
    bars = lines(levels, heats)
    assert list(bars) == ["conv", "sums, concatenations"]
    assert bars["sums, concatenations"].texts == ["0", "0", "2.00 KiB"]


def test_what_is_not_known_is_no_zero_and_what_costs_nothing_no_line() -> None:
    levels = {
        "0": level("", box("free", 0), box("odd", 1),
                   box("mixed", 2, amounts=Amounts(partial=True)),
                   box("lost", 3, amounts=Amounts(partial=True)))
    }  # fmt: skip
    heats = {"0": {"free": cost(0), "odd": cost(None, 7), "mixed": cost(20), "lost": cost(0)}}
    bars = lines(levels, heats)
    assert list(bars) == ["odd", "mixed", "lost"]
    assert bars["odd"].texts[0] == "not known"
    assert bars["odd"].shares[0] == 0
    assert (bars["mixed"].texts[0], bars["lost"].texts[0]) == ("≥ 20", "≥ 0")


def test_frames_stand_for_what_is_in_them_in_the_order_of_execution() -> None:
    frame = Group("row", "row", "Block", times=4, nodes=(1, 2))
    levels = {"0": level("", box("last", 3), box("row.0", 1, group="row"), frame, box("first", 0))}
    heats = {"0": {"first": cost(1), "row": cost(2), "last": cost(3), "row.0": cost(99)}}
    assert list(lines(levels, heats)) == ["first", "row ×4", "last"]
