"""The record of a drawing: plain JSON, in which what is not known is no zero."""

import json
from dataclasses import replace

import pytest

from archlab.fold.drawing import SHORTCUTS, Box, Drawing, Edge, Group, Role, Shape
from archlab.ir.kinds import Kind

DRAWING = Drawing(
    "net", "1x3x8x8 float32", "eval", "by hand",
    boxes=(Box("a", "net.a", Shape.OPERATOR, "Conv 3×3", Kind.CONV, nodes=(0, 1)),),
    groups=(Group("g", "net", "Block", times=2, nodes=(0, 1)),),
    edges=(Edge("a", "a", Role.CONCAT, (8, 4, 4)),),
)  # fmt: skip


def test_a_record_is_plain_json() -> None:
    record = json.loads(json.dumps(DRAWING.to_dict()))
    assert record["schema"] == "archlab.drawing/2"
    (box,), (group,), (edge,) = record["boxes"], record["groups"], record["edges"]
    assert (box["shape"], box["kind"], box["nodes"]) == ("operator", "conv", [0, 1])
    assert (group["times"], group["parent"]) == (2, "")
    assert edge == {"tail": "a", "head": "a", "role": "skip", "shape": [8, 4, 4],
                    "changed": False, "mark": "", "read": [], "bytes": 0}  # fmt: skip


def test_a_number_that_nobody_worked_out_is_none() -> None:
    (box,) = DRAWING.to_dict()["boxes"]
    numbers = dict.fromkeys(("params", "each", "macs", "heat", "before"))
    assert box["amounts"] == numbers | {"shared": False, "partial": False}
    assert DRAWING.to_dict()["heat"] is None


def test_whatever_goes_round_the_main_path_is_a_shortcut() -> None:
    assert set(Role) - SHORTCUTS == {Role.MAIN, Role.REPEAT, Role.LOOP}


def test_boxes_come_before_frames() -> None:
    assert [item.id for item in DRAWING.items] == ["a", "g"]


@pytest.mark.parametrize(
    ("model", "title"),
    [
        ("/home/me/my nets/net.py:Net", "Net"),
        ("torchvision:resnet18", "torchvision:resnet18"),
        ("a/one.py:One → b/two.py:Two", "One → Two"),
        ("resnet18 → two.py:Two", "resnet18 → Two"),
    ],
)
def test_a_net_in_a_file_is_called_by_its_class(model: str, title: str) -> None:
    assert replace(DRAWING, model=model).title == title
