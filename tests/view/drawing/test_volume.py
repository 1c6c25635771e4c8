"""Feature maps as volumes: their sizes by the shapes, their places, what is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import small_nets
import torch
from small import chain
from sound import faults
from torch import nn

import archlab
from archlab.errors import OptionError
from archlab.fold.drawing import Group, Shape
from archlab.layout import Placed
from archlab.view.drawing import face
from archlab.view.drawing.shapes import Line, Polygon, Rectangle, Words
from archlab.view.drawing.sheet import canvas
from archlab.view.drawing.solid import is_map, is_volume
from archlab.view.drawing.style import VOLUMES, Style, theme_of
from archlab.view.drawing.volume import (
    STRIP,
    Volumes,
    caption,
    checked,
    direction,
    tint,
    without_containers,
)
from archlab.view.theme import THEMES

U_NET = f"{Path(__file__).parents[3] / 'examples' / '03_u_net.py'}:UNet"
NETS = (
    "torchvision:alexnet", "torchvision:vgg11", "resnet18", "googlenet",
    "torchvision:mobilenet_v2", U_NET, "torchvision:r3d_18",
)  # fmt: skip
DIRECTIONS = ("LR", "TB")


def load(name: str) -> archlab.Model:
    return archlab.load(name, input="3x128x128") if name == U_NET else archlab.load(name)


def styled(across: str = "LR", **more) -> Style:
    return Style(theme_of("light"), across, form=VOLUMES, **more)


@pytest.fixture(scope="module", params=NETS)
def model(request) -> archlab.Model:
    return load(request.param)


@pytest.mark.parametrize("options", [{}, {"color_by": "macs"}, {"boxes": 60}], ids=str)
@pytest.mark.parametrize("across", DIRECTIONS)
def test_no_part_lies_on_another(model, across, options) -> None:
    drawing = archlab.render(model, style="volumes", **options).drawing
    whole, placed = canvas(drawing, styled(across))
    page = replace(placed, width=whole.width, height=whole.height)
    assert faults(drawing, page) == []


def test_a_picture_is_no_strip(model) -> None:
    record = json.loads(archlab.render(model, style="volumes").data("json"))
    ratio = record["width"] / record["height"]
    assert 1 / STRIP < ratio < STRIP
    assert record["style"] == "volumes"


def test_volumes_of_a_trunk_stand_on_one_axis() -> None:
    drawing = archlab.render("torchvision:alexnet", style="volumes").drawing
    placed = Volumes(drawing, styled()).layout()
    assert len({round(box.y + box.h / 2, 6) for box in placed.boxes.values()}) == 1


def test_nothing_is_outside_of_the_sheet(model) -> None:
    drawing = archlab.render(model, style="volumes").drawing
    for across in DIRECTIONS:
        whole, _ = canvas(drawing, styled(across))
        shapes = [shape for element in whole.elements for shape in element.shapes]
        for shape in shapes:
            if isinstance(shape, (Line, Polygon)):
                assert all(0 <= x <= whole.width for x, _ in shape.points)
                assert all(0 <= y <= whole.height for _, y in shape.points)
            elif isinstance(shape, Words):
                wide = face.Text(shape.content, shape.points, "", shape.bold).width
                assert 0 <= shape.x <= whole.width - wide
            elif isinstance(shape, Rectangle):
                assert shape.x + shape.w <= whole.width


def test_lines_end_at_cuboids_also_where_these_are_slanted() -> None:
    # From above, a cuboid that is deeper than wide is met below the upper edge of its hull: at the
    # slanted edge that leads back from its upper left corner.
    drawing = chain((1, 224, 224), (1, 224, 224), (64, 8, 8))
    volumes = Volumes(drawing, styled("TB"))
    placed, thin = volumes.layout(), volumes.solids["b1"]
    assert thin.depth > thin.width
    box, edge = placed.boxes["b1"], drawing.edges[0]
    (_, start), (x, end) = volumes.line(edge, placed.lines[0], shared=False)
    corner = (box.x, box.bottom - thin.height)
    assert corner[1] - end == pytest.approx(x - corner[0])  # on the diagonal through that corner
    assert start < placed.boxes["b0"].bottom
    assert volumes.line(edge, placed.lines[0], shared=True)[0] == placed.lines[0][0]
    across = Volumes(drawing, styled())
    line = across.layout().lines[0]
    assert across.line(edge, line, shared=False) == line


def test_a_caption_says_what_makes_the_map_and_how_large_it_is() -> None:
    drawing = archlab.render("resnet18", style="volumes").drawing
    texts = {box.id: caption(box, drawing).lines for box in drawing.boxes}
    lines = {key: [line.content for line in text] for key, text in texts.items()}
    assert lines["conv1"] == ["Conv 7×7 /2", "BN · ReLU", "64 · 112×112"]
    assert lines["fc"] == ["Linear", "1000"]
    assert lines["input:x"] == ["input", "3 · 224×224"]
    assert lines["output"] == ["output", "1000"]
    whole, _ = canvas(drawing, styled())
    words = [s.content for e in whole.elements for s in e.shapes if isinstance(s, Words)]
    assert "64 · 112×112" in words
    assert "64×112×112" not in words  # no shapes on lines, too


def test_a_row_of_equal_boxes_says_how_many() -> None:
    text = caption(replace(chain((8, 4, 4)).boxes[0], times=3), chain((8, 4, 4)))
    assert text.times is not None
    assert text.times.content == "×3"
    assert text.width >= text.lines[0].width + text.times.width


def test_several_outputs_are_told_as_in_cards() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            x = self.conv(x)
            return x, x.mean((2, 3))

    drawing = archlab.render(archlab.load(Two(), input="3x8x8"), style="volumes").drawing
    (output,) = (box for box in drawing.boxes if box.shape == Shape.OUTPUT)
    assert output.makes == ()
    assert caption(output, drawing).lines[-1].content == "4×8×8, 4"


def test_plain_containers_have_no_frame_and_rows_and_branches_keep_theirs() -> None:
    groups = (
        Group("f", "f", "", holds="2 × Conv2d"),
        Group("f.row", "f.0", "", 3, "f"),
        Group("f.block", "f.1", "Block", parent="f"),
        Group("f.branch", "f.2", "", parent="f", branch=1, branches=2),
    )
    first, second, third = chain((8, 4, 4), (8, 4, 4), (8, 4, 4)).boxes
    boxes = (
        replace(first, path="f.3", group="f", name="3"),
        replace(second, group="f.row"),
        replace(third, group="f.block"),
    )
    found = without_containers(replace(chain(), boxes=boxes, groups=groups))
    assert [(group.id, group.parent) for group in found.groups] == [
        ("f.row", ""), ("f.block", ""), ("f.branch", "")
    ]  # fmt: skip
    assert [box.group for box in found.boxes] == ["", "f.row", "f.block"]
    assert found.boxes[0].name == "f.3"  # its frame no longer tells


def test_a_frame_around_most_of_a_long_drawing_is_left_out() -> None:
    group = Group("backbone", "backbone", "Backbone")
    for count, wanted in ((12, ["backbone"]), (13, [])):
        drawing = chain(*[(8, 4, 4)] * (count + 2))
        first, *inner, last = drawing.boxes
        framed = (first, *(replace(box, group="backbone") for box in inner), last)
        found = without_containers(replace(drawing, boxes=framed, groups=(group,)))
        assert [each.id for each in found.groups] == wanted


def test_a_signal_has_a_length() -> None:
    ((_, shapes),) = Volumes(chain((8, 400), (16, 100)), styled()).legend(1000.0)
    assert "height: length, root scale" in [s.content for s in shapes if isinstance(s, Words)]


def test_a_u_net_stands_and_other_nets_lie() -> None:
    for name, wanted in ((U_NET, "TB"), ("resnet18", "LR")):
        picture = archlab.render(load(name), style="volumes")
        assert direction(picture.drawing) == wanted
        lying = archlab.render(load(name), style="volumes", direction="LR")
        assert (picture.svg == lying.svg) is (wanted == "LR")


@pytest.mark.parametrize(
    ("net", "shape", "message"),
    [
        (small_nets.Mixer, (1, 3, 16, 16), r"only 1 of the \d+ boxes of Mixer makes one"),
        (small_nets.Tagger, (1, 12), r"none of the \d+ boxes of Tagger makes one"),
    ],
)
def test_a_net_without_maps_is_refused(net, shape, message) -> None:
    dtype = torch.int64 if net is small_nets.Tagger else torch.float32
    model = archlab.load(net(), input=torch.zeros(shape, dtype=dtype))
    with pytest.raises(OptionError, match=f"draws feature maps of images; {message}") as told:
        archlab.render(model, style="volumes")
    assert "Use style='cards'" in str(told.value)


def test_a_net_that_only_reads_an_image_is_drawn() -> None:
    drawing = archlab.render("resnet20", style="volumes", depth=0).drawing
    assert [is_map(box) for box in drawing.boxes] == [True, False, False]


def test_boxes_that_make_neither_map_nor_vector_are_bars_and_counted() -> None:
    drawing = chain((8, 4, 4), (16, 4, 4), ())
    (sentence,) = checked(drawing)
    assert sentence.startswith("1 box makes neither a map nor a vector")
    assert checked(chain((8, 4, 4), (16,))) == []
    tokens = replace(drawing.boxes[2], width=64, unit="features")
    drawing = replace(drawing, boxes=(*drawing.boxes[:2], tokens))
    assert caption(tokens, drawing).lines[-1].content == "64 features"
    assert Volumes(drawing, styled()).scale.features == 64
    with pytest.raises(OptionError, match="only 1 of the 3 boxes of net makes one"):
        checked(chain((8, 4, 4), (), ()))


def test_a_failure_is_drawn_whatever_came_before_it() -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 8), nn.Linear(4, 8)

        def forward(self, x):
            return self.two(self.one(x))

    with pytest.raises(archlab.errors.TraceError) as failed:
        archlab.trace(archlab.load(Broken(), input="4"))
    drawing = archlab.render_graph(failed.value.graph, style="volumes").drawing
    assert not is_volume(drawing.boxes[-1])
    whole, placed = canvas(drawing, styled())
    assert faults(drawing, Placed(
        whole.width, whole.height, placed.boxes, placed.frames, placed.lines, placed.labels
    )) == []  # fmt: skip


def test_fronts_have_the_colour_of_the_kind_or_of_the_heat() -> None:
    def fronts(**options) -> dict[str, str]:
        theme = theme_of("light")
        drawing = archlab.render("resnet20", style="volumes", **options).drawing
        whole, _ = canvas(drawing, Style(theme, "LR", form=VOLUMES))
        return {
            element.key: element.shapes[0].fill
            for element in whole.elements
            if isinstance(element.shapes[0], Polygon)
        }

    colours = THEMES["light"].colours
    plain, heated = fronts(), fronts(color_by="macs")
    assert (plain["conv1"], plain["fc"]) == (tint(colours["conv"]), tint(colours["linear"]))
    assert plain["input:x"] == heated["input:x"] == tint(colours["other"])  # an end has no heat
    scale = THEMES["light"].heat
    assert {heated[key] for key in plain if key not in ("input:x", "output")} <= set(scale)
    # Layers of one stage have equal multiply-adds; the first one reads 3 channels instead of 16.
    assert heated["fc"] == scale[0]
    # Three blocks of 16·16·9 multiply-adds on 32×32 are 17.4 % of 40.55 M: 2.24 of three powers.
    assert heated["layer1.0.conv1"] == scale[4]


def test_heat_is_told_by_its_scale_and_not_by_kinds() -> None:
    svg = archlab.render("resnet20", style="volumes", color_by="macs").svg
    assert "share of all MACs" in svg
    assert ">convolution<" not in svg
    assert ">convolution<" in archlab.render("resnet20", style="volumes").svg


def test_the_legend_has_samples_as_large_as_in_the_drawing() -> None:
    volumes = Volumes(chain((64, 224, 224), (512, 7, 7), (512, 7, 7)), styled())
    ((height, shapes),) = volumes.legend(1000.0)
    words = [shape.content for shape in shapes if isinstance(shape, Words)]
    assert words == [
        "height: H×W, root scale", "7×7", "width: channels, root scale", "64", "512",
        "line: bytes, log scale", "98 KiB", "12.25 MiB",
    ]  # fmt: skip
    bars = [shape for shape in shapes if isinstance(shape, Rectangle)]
    scale = volumes.scale
    assert bars[0].h == scale.height(7) < height
    assert [bar.w for bar in bars[1:]] == [scale.width(64), scale.width(512)]
    pens = [shape.pen for shape in shapes if isinstance(shape, Line)]
    assert pens == [scale.pen(4 * 512 * 49), scale.pen(scale.bytes)]


def test_scales_are_broken_into_rows_where_a_page_is_narrow() -> None:
    volumes = Volumes(chain((64, 224, 224), (512, 7, 7), (512, 7, 7)), styled())
    assert [len(volumes.legend(room)) for room in (1000.0, 400.0, 200.0)] == [1, 2, 3]
    for _, shapes in volumes.legend(400.0):
        words = [shape for shape in shapes if isinstance(shape, Words)]
        assert len({shape.y for shape in words}) == 1
        assert max(shape.x + face.Text(shape.content, 8, "").width for shape in words) <= 400


def test_dark_pages_have_dark_frames_and_light_words() -> None:
    svg = archlab.render("resnet20", style="volumes", theme="dark").svg
    colours = THEMES["dark"].colours
    words = re.findall(r'<text [^>]*fill="(#\w+)">Conv 3×3<', svg)
    assert set(words) == {colours["text"]}
    assert f'fill="{colours["page"]}"' in svg
