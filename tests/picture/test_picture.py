"""How a picture is saved and shown, and what happens where its layout fails."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from torch import nn

import archlab
from archlab.errors import LayoutError, OptionError
from archlab.picture.formats import FORMATS
from archlab.picture.picture import Picture


def test_notebooks_get_summary_and_drawing() -> None:
    model = archlab.load("resnet20")
    assert model._repr_svg_().startswith("<svg")
    assert model._repr_html_().startswith("<pre>")
    assert "<svg" in model._repr_html_()
    assert archlab.render("resnet20")._repr_svg_() == model._repr_svg_()
    broken = archlab.load(nn.Linear(3, 2), input="1x5")
    assert broken._repr_svg_() is None
    assert broken._repr_html_() is None


@pytest.mark.parametrize("suffix", FORMATS)
def test_save_writes_each_format(tmp_path, suffix) -> None:
    path = archlab.render("resnet20").save(tmp_path / f"net.{suffix}")
    assert path.stat().st_size > 500
    assert [item.name for item in tmp_path.iterdir()] == [f"net.{suffix}"]


def test_json_and_svg_have_the_same_ids(tmp_path) -> None:
    picture = archlab.render("resnet20")
    record = json.loads(picture.data("json"))
    assert record["schema"] == "archlab.drawing/2"
    ids = {item.get("id") for item in ET.fromstring(picture.svg).iter()}
    assert {box["id"] for box in record["boxes"]} <= ids


def test_json_carries_the_geometry_of_the_svg() -> None:
    record = json.loads(archlab.render("resnet20").data("json"))
    root = ET.fromstring(archlab.render("resnet20").svg)
    view = [float(number) for number in root.get("viewBox").split()]
    assert [record["width"], record["height"]] == view[2:]
    stem = next(box for box in record["boxes"] if box["id"] == "conv1")
    shown = next(item for item in root.iter() if item.get("id") == "conv1")
    rect = next(item for item in shown if item.tag.endswith("rect"))
    assert [float(rect.get(name)) for name in ("x", "y", "width", "height")] == [
        stem[name] for name in ("x", "y", "w", "h")
    ]
    first = record["edges"][0]
    assert (first["source"], first["target"], first["label"]) == ("input:x", "conv1", "3×32×32")
    assert first["kind"] == "main"
    assert first["points"][-1] == [round(stem["x"] + stem["w"] / 2, 2), stem["y"]]
    assert {"x", "y", "w", "h", "tab"} <= set(record["groups"][0])


def test_a_png_that_could_not_be_read_is_refused() -> None:
    net = nn.Sequential(*(nn.LeakyReLU(i / 10_000) for i in range(1500)))
    picture = archlab.render(archlab.load(net, input="4"), ops=True, boxes=3000, fit="none")
    with pytest.raises(LayoutError, match=r"32,767 pixels.*\.svg or \.pdf"):
        picture.data("png")
    assert picture.data("pdf").startswith(b"%PDF")


SCRIPT = """
import sys, archlab
sys.stdout.write(archlab.render("googlenet", color_by="macs", style=sys.argv[1]).svg)
"""


@pytest.mark.parametrize("style", ["cards", "volumes"])
def test_two_processes_draw_the_same_bytes(style) -> None:
    """This one, and one whose sets of words are in another order."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, style], env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True, check=True, cwd=Path(archlab.__file__).parents[1],
    )  # fmt: skip
    assert done.stdout.startswith(b"<svg")
    drawn = archlab.render("googlenet", color_by="macs", style=style)
    assert done.stdout.decode() == drawn.svg


def test_the_figure_says_what_was_folded_and_how_it_counts() -> None:
    text = str(archlab.render("resnet56"))
    for piece in ("853.0 K params", "input 1×3×32×32 float32", "eval mode", "layer1 ×9",
                  "built on meta", "1 MAC = 1 multiply-add"):  # fmt: skip
        assert piece in text


@pytest.mark.parametrize(
    "model", ["resnet18", "resnet152", "googlenet", "densenet121", "torchvision:swin_t"]
)
def test_a_drawing_for_paper_can_be_read_there(model) -> None:
    picture = archlab.render(model, fit="page")
    width, height = (float(n) for n in ET.fromstring(picture.svg).get("viewBox").split()[2:])
    # A4 is 595 × 842 points; margins of half an inch, and no text below 8 points in the drawing.
    assert 8 * min((595 - 72) / width, (842 - 72) / height) >= 7
    assert "so that text on A4 is legible" in picture.svg
    more = archlab.render(model, fit="page", boxes=40)
    assert len(more.drawing.boxes) > len(picture.drawing.boxes)


def test_a_picture_says_in_one_line_what_it_is() -> None:
    assert repr(archlab.render("resnet20", depth=1)) == (
        "Picture('resnet20', 8 boxes, formats: svg, png, pdf, dot, mmd, json, txt)"
    )
    figure = Picture(lambda _: b"")
    assert repr(figure) == str(figure) == "Picture(formats: svg, png, pdf)"


@pytest.mark.parametrize("width", ["x", 2.5, None, True])
def test_a_width_that_is_no_whole_number_is_refused(width) -> None:
    with pytest.raises(OptionError, match=f"width={width!r}: a whole number of columns"):
        archlab.render("resnet20").text(width)


@pytest.mark.parametrize("path", [3, None, ["net.svg"]])
def test_a_file_name_of_another_type_is_refused(path) -> None:
    with pytest.raises(OptionError, match="the name of a file is wanted"):
        archlab.render("resnet20").save(path)
