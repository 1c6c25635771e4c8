"""A drawing and its geometry as a JSON record: what tests and other programs read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from archlab.fold.drawing import Drawing
from archlab.layout import Placed, Rect
from archlab.view.drawing import face
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.style import VOLUMES, Style


def record(drawing: Drawing, style: Style) -> dict[str, Any]:
    """Return boxes, groups and edges with their places in the SVG, in points; y points down."""
    whole, placed = canvas(drawing, style)
    content = drawing.to_dict()
    _add_places(content, drawing, placed, style)
    for inset, found, parts in zip(content["insets"], drawing.insets, placed.insets, strict=True):
        _add_places(inset["drawing"], found.drawing, parts, style)
    size = {"width": _number(whole.width), "height": _number(whole.height)}
    return {"schema": content.pop("schema"), "style": style.form, **size, **content}


def _add_places(content: dict[str, Any], drawing: Drawing, placed: Placed, style: Style) -> None:
    for box in content["boxes"]:
        box.update(_rect(placed.boxes[box["id"]]))
    for group in content["groups"]:
        frame = placed.frames[group["id"]]
        group.update(_rect(frame.rect), tab=_rect(frame.name))
    labelled = {} if style.form == VOLUMES else face.labels(drawing)
    for edge, found, line in zip(content["edges"], drawing.edges, placed.lines, strict=True):
        text = face.label(found)
        shown = text is not None and labelled.get(found.tail) == text
        edge.update(
            source=found.tail,
            target=found.head,
            kind=found.role,
            label=text.content if text and shown else "",
            points=[[_number(x), _number(y)] for x, y in line],
        )


def _rect(rect: Rect) -> dict[str, float]:
    return {key: _number(value) for key, value in asdict(rect).items()}


def _number(value: float) -> float:
    return round(value, 2)
