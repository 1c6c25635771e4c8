"""The JSON record: content and geometry of one drawing."""

import json
from dataclasses import replace

from archlab.view.drawing.record import record
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import VOLUMES


def test_volumes_have_the_shape_on_their_box_and_no_label_on_a_line(drawing, style) -> None:
    found = record(drawing, replace(style, form=VOLUMES, direction="LR"))
    assert (found["style"], record(drawing, style)["style"]) == ("volumes", "cards")
    assert {edge["label"] for edge in found["edges"]} == {""}
    assert any(edge["label"] for edge in record(drawing, style)["edges"])


def test_places_are_those_of_the_sheet(drawing, style) -> None:
    found = json.loads(json.dumps(record(drawing, style)))
    whole, placed = canvas(drawing, style)
    assert (found["width"], found["height"]) == (round(whole.width, 2), round(whole.height, 2))
    for box in found["boxes"]:
        rect = placed.boxes[box["id"]]
        assert (box["x"], box["y"]) == (round(rect.x, 2), round(rect.y, 2))
    for edge, line in zip(found["edges"], placed.lines, strict=True):
        assert edge["points"] == [[round(x, 2), round(y, 2)] for x, y in line]
    assert {(edge["source"], edge["target"]) for edge in found["edges"]} == {
        (edge.tail, edge.head) for edge in drawing.edges
    }
