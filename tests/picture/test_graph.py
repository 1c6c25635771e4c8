"""Notes and totals below a drawing, on graphs made by hand."""

import pytest
from hand_made_graphs import residual

from archlab.errors import OptionError
from archlab.picture.graph import graph_picture
from archlab.picture.look import Look


def notes(graph, **look) -> str:
    return graph_picture(graph, Look(**look)).data("txt").decode()


def test_the_totals_are_those_of_the_whole_net_at_any_depth() -> None:
    # Stem 3 → 8 channels, then 2 · 3 blocks of 8 → 8, each 3×3 with a norm's 8 scales.
    params = 8 * 3 * 9 + 8 + 6 * (8 * 8 * 9 + 8)
    for depth in (0, 3):
        drawing = graph_picture(residual(3), Look(depth=depth)).drawing
        assert sum(box.amounts.params or 0 for box in drawing.boxes) == params
        # 16 × 16 positions for each multiply-add of the weights, which are 3,672 of 3,728.
        assert "net · 3.728 K params · 940.0 K MACs" in notes(residual(3), depth=depth)


def test_a_mark_stands_on_its_module() -> None:
    picture = graph_picture(residual(2), Look(depth=1), path_marks={"stem": "train only"})
    marked = [box.id for box in picture.drawing.boxes if box.mark == "train only"]
    assert marked == ["stem"]


def test_heat_of_a_probe_says_how_it_was_measured() -> None:
    words = "measured once in train mode at"
    assert words in notes(residual(2), color_by="gradient")
    assert words not in notes(residual(2), color_by="macs")


def test_a_module_to_open_must_be_there() -> None:
    with pytest.raises(OptionError):
        graph_picture(residual(2), Look(expand="nowhere"))


def test_volumes_are_told_by_formats_that_have_places() -> None:
    picture = graph_picture(residual(2), Look(style="volumes"))
    assert tuple(picture.formats) == ("svg", "png", "pdf", "json")
    with pytest.raises(OptionError, match="Allowed: svg, png, pdf, json"):
        picture.data("dot")


def test_volumes_that_are_to_fit_a_page_are_fewer() -> None:
    usual, paper = (
        graph_picture(residual(20), Look(style="volumes", fit=fit)) for fit in ("auto", "page")
    )
    assert len(paper.drawing.boxes) <= len(usual.drawing.boxes)
