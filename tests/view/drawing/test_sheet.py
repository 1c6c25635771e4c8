"""The whole sheet: header above, notes below, and every part of the drawing between."""

from dataclasses import replace

from archlab.view.drawing.shapes import Line, Polygon, Rectangle, Words
from archlab.view.drawing.sheet import canvas


def words(whole) -> str:
    return " ".join(
        shape.content
        for element in whole.elements
        for shape in element.shapes
        if isinstance(shape, Words)
    )


def reach(shape) -> tuple[float, float]:
    if isinstance(shape, (Line, Polygon)):
        return max(x for x, _ in shape.points), max(y for _, y in shape.points)
    if isinstance(shape, Rectangle):
        return shape.x + shape.w, shape.y + shape.h
    return shape.x, shape.y


def test_nothing_is_outside_of_the_sheet(drawing, style) -> None:
    for direction in ("TB", "LR"):
        whole, placed = canvas(drawing, replace(style, direction=direction))
        for element in whole.elements:
            for shape in element.shapes:
                x, y = reach(shape)
                assert x <= whole.width
                assert y <= whole.height
        assert set(placed.boxes) == {box.id for box in drawing.boxes}


def test_a_part_of_a_page_has_no_header_and_no_notes(drawing, style) -> None:
    whole, bare = (canvas(drawing, each)[0] for each in (style, replace(style, bare=True)))
    for piece in ("a note", "1.235 M params", "eval mode"):
        assert piece in words(whole)
        assert piece not in words(bare)


def test_conventions_are_kept_out_of_the_picture(drawing, style) -> None:
    whole, _ = canvas(drawing, replace(style, conventions=("1 MAC = 1 multiply-add",)))
    assert "multiply-add" in whole.notes
    assert "multiply-add" not in words(whole)


def test_what_two_models_share_is_faded(drawing, style) -> None:
    plain = replace(
        drawing,
        boxes=tuple(replace(box, mark="") for box in drawing.boxes),
        edges=tuple(replace(edge, mark="") for edge in drawing.edges),
    )
    assert not any(element.faded for element in canvas(plain, style)[0].elements)
    first, *others = plain.boxes
    marked = replace(plain, boxes=(replace(first, mark="added"), *others))
    boxes = [e for e in canvas(marked, style)[0].elements if e.classes.startswith("node")]
    assert [element.faded for element in boxes] == [False, *[True] * len(others)]
