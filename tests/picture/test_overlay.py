"""Heat of the reader's own: which box gets which value, worked out by hand, and what is refused."""

import json
from pathlib import Path

import pytest
from torch import nn

import archlab
from archlab.errors import OptionError
from archlab.picture.overlay import overlay_of
from archlab.view.theme import THEMES


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.relu = nn.Conv2d(4, 4, 1), nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv2(self.relu(self.bn(self.conv1(x)))) + x)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.body = nn.Sequential(Block(), Block())
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))


@pytest.fixture(scope="module")
def net() -> archlab.Model:
    return archlab.load(Net(), input="3x8x8")


def heats(net, values, **look):
    """Heat by id of a box and by path of a frame, and the heat of the drawing."""
    drawing = archlab.render(net, overlay=values, **look).drawing
    boxes = {box.id: box.amounts.heat for box in drawing.boxes}
    return boxes | {f"[{each.path}]": each.amounts.heat for each in drawing.groups}, drawing.heat


AMOUNTS = {
    "latency, ms": {
        "stem": 2, "body.0.conv1": 3, "body.0.bn": 0.5, "body.0.conv2": 1, "body.1": 10,
        "head": 0,
    }
}  # fmt: skip


def test_a_closed_box_has_its_modules_value_or_the_sum_of_those_in_it(net) -> None:
    closed, heat = heats(net, AMOUNTS, depth=1)
    assert closed["stem"] == 2
    assert closed["body"] == 3 + 0.5 + 1 + 10
    assert closed["head"] == 0
    assert (heat.measure, heat.title, heat.share) == ("overlay", "latency", True)
    assert heat.total == 2 + 3 + 0.5 + 1 + 10
    assert (heat.low, heat.high) == (0, 14.5)


def test_fused_and_folded_boxes_have_the_sum_of_what_they_stand_for(net) -> None:
    opened, _ = heats(net, AMOUNTS)
    assert opened["body.0.conv1"] == 3 + 0.5  # with its norm; the other block's has no value
    assert opened["body.0.conv2"] == 1
    # The value of body.1 belongs to the block: no box in it may claim a part.
    assert opened["[body]"] == 3 + 0.5 + 1 + 10


def test_a_value_of_a_module_is_not_split_among_its_boxes(net) -> None:
    opened, heat = heats(net, {"latency, ms": {"body": 8}})
    assert opened["[body]"] == 8
    assert {key for key, value in opened.items() if value is not None} == {"[body]"}
    assert (heat.low, heat.high, heat.total) == (0, 0, 8)


def test_a_module_inside_another_one_with_a_value_counts_once(net) -> None:
    values = {"time, s": {"": 100, "body": 8, "body.0": 5, "body.0.conv1": 4, "stem": 1}}
    closed, heat = heats(net, values, depth=1)
    assert (closed["body"], closed["stem"], heat.total) == (8, 1, 100)
    opened, _ = heats(net, values)
    assert opened["body.0.conv1"] == 4


def test_a_module_that_several_boxes_call_counts_in_the_first_of_them(net) -> None:
    opened, _ = heats(net, {"latency, ms": {"body.0.relu": 1, "body.1.relu": 2}})
    assert opened["body.0.conv1"] == 3
    assert opened["body.0/add"] is None
    assert opened["[body]"] == 3


def test_what_is_no_amount_is_a_mean(net) -> None:
    values = {"body.0.conv1": 0.5, "body.0.conv2": 0, "body.1.conv1": 0.9, "head": 0.2}
    closed, heat = heats(net, {"sparsity": values}, depth=1)
    assert closed["body"] == pytest.approx((0.5 + 0 + 0.9) / 3)
    assert closed["stem"] is None
    assert (heat.title, heat.share, heat.total) == ("mean sparsity", False, None)
    opened, heat = heats(net, {"sparsity, %": values})
    assert opened["body.0.conv1"] == pytest.approx((0.5 + 0.9) / 2)
    assert opened["body.0.conv2"] == 0
    # The scale is a logarithm: it begins at what is above 0.
    assert (heat.title, heat.low) == ("mean sparsity, %", 0.0)  # linear, from 0
    assert heats(net, values)[1].title == "mean value"


def test_every_format_shows_it(net, tmp_path) -> None:
    picture = archlab.render(net, overlay=AMOUNTS, depth=1)
    assert "87.9 % of latency" in picture.svg  # 14.5 of 16.5
    assert json.loads(picture.data("json"))["heat"]["title"] == "latency"
    text = str(picture)
    assert "87.9 % ██████" in text
    assert "overlay: latency, ms, 16.5 in all; a box shows its module's value, or the sum" in text
    assert picture.data("png").startswith(b"\x89PNG")
    missing = archlab.render(net, overlay={"latency, ms": {"stem": 1}}, depth=1)
    assert f'fill="{THEMES["auto"].colours["hatch"]}"' in missing.svg.partition("</style>")[2]


def test_unknown_paths_are_named_below_the_drawing(net) -> None:
    text = " ".join(str(archlab.render(net, overlay={"stem": 1, "heads": 2, "q": 3})).split())
    assert "1 of 3 paths are modules of Net; not found: heads (nearest: head), q " in text
    with pytest.raises(OptionError, match=r"0 of 2 paths are modules of Net.*heads \(nearest: hea"):
        archlab.render(net, overlay={"heads": 1, "qqq": 2})


TABLES = {
    "commas": "module,latency (ms)\nstem,1.5\nbody.0,2e3\n",
    "a unit behind a comma": "module,latency, ms\nstem,1.5\nbody.0,2000\n",
    "quoted": '"module","latency, ms"\n"stem","1.5"\n\n"body.0","2000"\n',
    "semicolons and decimal commas": "\ufeffmodule;latency, ms\r\nstem;1,5\r\nbody.0;2000\r\n",
    "tabs": "module\tlatency, ms\nstem\t1.5\nbody.0\t2000",
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path, name) -> None:
    path = tmp_path / "t.csv"
    path.write_text(TABLES[name], newline="")
    overlay = overlay_of(path)
    assert (overlay.measure, overlay.unit) == ("latency", "ms")
    assert overlay.values == {"stem": 1.5, "body.0": 2000}
    assert overlay_of(str(path)) == overlay_of(overlay) == overlay


BAD = {
    "empty": (b"", "it is empty"),
    "blank": (b"\n \n", "it is empty"),
    "no rows": (b"module,x\n", "a header and no rows"),
    "no text": (b"module,x\n\xff\xfe,1\n", "no text in UTF-8"),
    "one column": (b"module\nstem\n", "row 1 has 1 column; two are wanted"),
    "a short row": (b"module,x\nstem,1\nhead\n", "row 3 has 1 column"),
    "three columns": (b"a,b,c\nstem,1,2\n", "row 2 has 3 columns"),
    "no header": (b"stem,1\nhead,2\n", "its first row is no header"),
    "a word": (b"module,x\nstem,fast\n", "'fast', the value of 'stem', is no number"),
    "nothing": (b"module,x\nstem,\n", "'', the value of 'stem', is no number"),
    "NaN": (b"module,x\nstem,nan\n", "nan, the value of 'stem', is not finite"),
    "infinity": (b"module,x\nstem,-inf\n", "-inf, the value of 'stem', is not finite"),
    "negative": (b"module,x\nstem,-1\n", "-1, the value of 'stem', is below 0"),
    "twice": (b"module,x\nstem,1\nstem,1\n", "'stem' is there twice"),
    "a quote without end": (b'module,x\n"stem,1\n', "it is no CSV"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_refused(tmp_path, name) -> None:
    content, message = BAD[name]
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(OptionError) as caught:
        overlay_of(path)
    assert str(caught.value).startswith(f"overlay {path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (Path("absent.csv"), "overlay absent.csv: No such file"),
        ("a\0b", "null"),
        (Path(), "it is a folder; a file is wanted"),
        ("/dev/zero", "it is no file"),
        ({}, "overlay a mapping: it has no values"),
        ({"stem": None}, "None, the value of 'stem', is no number"),
        ({"stem": 10**400}, "is no number"),
        ({1: 2}, "1 is no module path"),
        ([1], "a mapping of values by module path, is wanted"),
    ],
)
def test_bad_sources_are_refused(source, message) -> None:
    with pytest.raises(OptionError, match=message):
        overlay_of(source)


def test_a_box_has_one_heat() -> None:
    with pytest.raises(OptionError, match="color_by and overlay exclude each other"):
        archlab.render("resnet8", overlay={"fc": 1}, color_by="macs")
