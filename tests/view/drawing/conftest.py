"""A drawing made by hand, with every shape, role and awkward text."""

import pytest

from archlab.fold.drawing import Amounts, Box, Drawing, Edge, Group, Role, Shape
from archlab.ir.kinds import Kind
from archlab.view.drawing.style import Style, theme_of

AWKWARD = 'a <b>&"bold"</b>\n\\N {x|y} 漢字 ' + "long" * 75


def box(key, shape=Shape.OPERATOR, title="Conv 3×3", **more):
    return Box(key, key.partition("/")[0], shape, title, **more)


@pytest.fixture
def drawing() -> Drawing:
    boxes = (
        box("input:x", Shape.INPUT, "input"),
        box("stem", kind=Kind.CONV, fused=("BN", "ReLU"), name="stem", width=16, unit="ch",
            nodes=(0,), amounts=Amounts(1_432, macs=2_000_000)),
        box("layer.0.conv", kind=Kind.CONV, name="conv", width=16, unit="ch",
            nodes=(1,), group="layer", repeats=8, amounts=Amounts(8_000, macs=80_000)),
        box("layer.0/add", Shape.SUM, "+", kind=Kind.ELEMENTWISE, fused=("ReLU",),
            width=16, unit="ch", group="layer", nodes=(2,)),
        box("down", kind=Kind.CONV, title="Conv 1×1 /2", width=32, unit="ch", nodes=(3,)),
        box("tail/add", Shape.SUM, "+", kind=Kind.ELEMENTWISE, width=32, unit="ch", nodes=(4,)),
        box("tail/cat", Shape.CONCAT, "Concat", kind=Kind.CONCAT, width=48, unit="ch", nodes=(5,)),
        box(AWKWARD, Shape.MODULE, AWKWARD, kind=Kind.ATTENTION, times=3, name=AWKWARD,
            nodes=(6,), amounts=Amounts(5)),
        box("odd", title="aten.mystery (not known)", kind=Kind.OPAQUE, nodes=(7,), mark="changed"),
        box("output", Shape.OUTPUT, "output", note="10"),
        box("failure", Shape.FAILURE, "the forward failed here", note="boom < bang"),
    )  # fmt: skip
    groups = (
        Group("layer", "layer", "Block", 8, note="each reads all", amounts=Amounts(8_000, macs=1)),
    )
    edges = (
        Edge("input:x", "stem", shape=(3, 32, 32), changed=True),
        Edge("stem", "layer.0.conv", shape=(16, 32, 32)),
        Edge("layer.0.conv", "layer.0/add"),
        Edge("stem", "layer.0/add", Role.IDENTITY),
        Edge("layer.0/add", "down", Role.PROJECTION),
        Edge("down", "tail/add", Role.PROJECTION),
        Edge("layer.0/add", "tail/add"),
        Edge("tail/add", "tail/cat"),
        Edge("stem", "tail/cat", Role.CONCAT),
        Edge("layer.0.conv", "layer.0.conv", Role.REPEAT),
        Edge("tail/cat", AWKWARD, mark="removed"),
        Edge(AWKWARD, "odd", mark="added"),
        Edge("odd", "output"),
        Edge("odd", "failure"),
    )
    return Drawing(
        AWKWARD, "1x3x32x32 float32", "eval", "by hand", boxes, groups, edges, ("folded a lot",)
    )


@pytest.fixture
def style() -> Style:
    return Style(theme_of("auto"), "TB", 1_234_567, 89_000_000, ("a note",))
