"""A drawing for the terminal: its width, its titles, and the two ends of each shortcut.

The lanes are followed on the text, sign by sign, as an eye does it.
"""

import itertools
import re
import unicodedata
from dataclasses import replace

import pytest
from torch import nn

import archlab
from archlab.fold.drawing import SHORTCUTS, Amounts, Box, Drawing, Edge, Heat, Role, Shape
from archlab.quoting import columns, visible
from archlab.view.drawing.ink import KINDS
from archlab.view.drawing.lanes import plan
from archlab.view.drawing.sketch import sketch

WIDTHS = (60, 80, 120)
NETS = {
    "resnet18": {},
    "resnet50": {"boxes": 200},
    "googlenet": {"depth": 9},
    "torchvision:densenet121": {},
    "torchvision:swin_t": {},
    "torchvision:mobilenet_v3_small": {"depth": 9},
    "torchvision:shufflenet_v2_x0_5": {"ops": True},
    "torchvision:fcn_resnet50": {},
}
JOINS = {"+": "⊕", "−": "⊖", "×": "⊗", "÷": "⊘"}


def grid(text: str) -> list[str]:
    """The rows, one sign a column: a wide sign takes two, and an accent none."""
    return [
        "".join(
            s + "\0" * (unicodedata.east_asian_width(s) in "WF")
            for s in line
            if not unicodedata.combining(s)
        )
        for line in text.splitlines()
    ]


def sign(rows: list[str], row: int, column: int) -> str:
    return rows[row][column] if column < len(rows[row]) else " "


def on_lane(rows: list[str], row: int, column: int) -> set[int]:
    """The rows at which lines are attached to the lane that has an end or a turn here."""
    found = {row}
    here = sign(rows, row, column)
    for step, ways in ((-1, "╯┴┤┼"), (1, "╮┬┤┼")):
        at = row
        while here in ways and sign(rows, at, column) not in ("╮┬" if step < 0 else "╯┴"):
            at += step
            assert sign(rows, at, column) in "│╮┬╯┴┤┼", f"a lane breaks off in row {at}"
            if sign(rows, at, column) != "│":
                found.add(at)
    return found


def followed(rows: list[str]) -> set[tuple[int, int]]:
    """The rows of both ends of each line with an arrow: (from, to)."""
    ends = set()
    for row, line in enumerate(rows):
        if "◄" not in line:
            continue
        for column in range(line.index("◄") + 1, len(line)):
            assert line[column] in "─│╮╯┤┴┬┼ ", line
            if line[column] == " ":
                break
            if line[column] in "╮╯┤┴┬┼":
                others = on_lane(rows, row, column)
                (tail,) = (other for other in others if "◄" not in rows[other])
                ends.add((tail, row))
                if line[column] in "╮╯┤":
                    break
    return ends


def title(box: Box) -> str:
    """How the row of a box begins: with so much of the title as stays in one row."""
    joins = box.shape in (Shape.SUM, Shape.PRODUCT, Shape.CONCAT)
    return grid(visible(JOINS.get(box.title, box.title) if joins else box.title))[0][:16]


def rows_of(drawing: Drawing, rows: list[str]) -> list[int]:
    """The first row of each box, found by its title, and the number of rows."""
    at, found = 2, []
    for box in drawing.boxes:
        at += 1
        while not rows[at].lstrip("│┆ ").startswith(title(box)):
            at += 1
        found.append(at)
    return [*found, len(rows)]


def check(drawing: Drawing, text: str, width: int) -> None:
    assert max(map(columns, text.splitlines())) <= width
    rows = grid(text)
    starts = rows_of(drawing, rows)
    place = {box.id: i for i, box in enumerate(drawing.boxes)}
    seen = followed(rows)
    numbers = plan(drawing, width // 8).numbers
    for edge in drawing.edges:
        if edge.role not in (*SHORTCUTS, Role.REPEAT):
            continue
        tail, head = place[edge.tail], place[edge.head]
        own, other = (rows[starts[i] : starts[i + 1]] for i in (tail, head))
        if number := numbers.get(edge.tail):
            assert f"to [{number}]" in "".join(own)
            assert f"[{number}]" in "".join(other)
            continue
        ends = [
            end
            for end in seen
            if starts[tail] <= end[0] < starts[tail + 1]
            and starts[head] <= end[1] < starts[head + 1]
        ]
        assert len(ends) == 1, (edge, ends)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NETS)
def test_many_models_fit_the_width_and_each_shortcut_has_its_ends(name, width, style) -> None:
    drawing = archlab.render(name, **NETS[name]).drawing
    check(drawing, sketch(drawing, style, width), width)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_drawing_by_hand(drawing, style, width) -> None:
    text = sketch(drawing, style, width)
    check(drawing, text, width)
    lines = text.splitlines()
    assert any("┌ layer ×8 · Block" in line for line in lines)
    assert any("⊕ · ReLU" in line and "identity" in line and "◄" in line for line in lines)
    assert any("3×32×32" in line for line in lines)
    assert "a note" in lines
    assert "folded a lot" in lines


def chain(*boxes: Box, **more) -> Drawing:
    pairs = itertools.pairwise(boxes)
    edges = tuple(Edge(a.id, b.id) for a, b in pairs)
    return Drawing("net", "1x3", "eval", "by hand", boxes, (), edges, **more)


def test_a_box_that_ends_a_lane_and_begins_one_has_a_row_for_each(style) -> None:
    boxes = [Box(name, name, Shape.SUM, "+", nodes=(i,)) for i, name in enumerate("abc")]
    shortcuts = (Edge("a", "b", Role.IDENTITY), Edge("b", "c", Role.IDENTITY))
    drawing = replace(chain(*boxes), edges=shortcuts)
    assert sketch(drawing, style, 40).splitlines()[3:8] == [
        "⊕ ─────────────────────────────────────╮",
        "⊕  identity ◄──────────────────────────╯",
        "╰──────────────────────────────────────╮",
        "⊕  identity ◄──────────────────────────╯",
        "",
    ]


def test_a_source_of_many_shares_one_lane_and_lines_pass_under_others(style) -> None:
    boxes = [Box(name, name, Shape.CONCAT, name, nodes=(i,)) for i, name in enumerate("abcd")]
    skips = [("a", "c"), ("a", "d"), ("b", "d")]
    edges = tuple(Edge(*ends, Role.CONCAT) for ends in skips)
    drawing = replace(chain(*boxes), edges=edges)
    assert [line[-9:] for line in sketch(drawing, style, 40).splitlines()[3:7]] == [
        "────────╮",
        "──────╮ │",
        "──────│─┤",
        "──────┴─╯",
    ]


def test_where_no_lane_is_left_the_ends_have_a_number(style) -> None:
    boxes = [Box(f"b{i}", "", Shape.OPERATOR, f"b{i}", nodes=(i,)) for i in range(20)]
    edges = tuple(Edge(f"b{i}", f"b{19 - i}", Role.CONCAT) for i in range(10))
    drawing = replace(chain(*boxes), edges=edges)
    text = sketch(drawing, style, 40)
    lines = text.splitlines()
    # 40 columns have room for 5 lanes: of the 10, the longest are numbered.
    assert sum("◄" in line for line in lines) == 5
    assert next(line for line in lines if "to [5]" in line).startswith("b0 ")
    assert next(line for line in lines if "from [5]" in line).startswith("b19 ")
    check(drawing, text, 40)


def test_bars_are_as_long_as_the_value(style) -> None:
    heat = Heat("macs", "MACs", share=True, low=0, high=50, total=100)
    values = {"half": 50, "quarter": 25, "little": 0.01, "none": 0, "unknown": None}
    boxes = [
        Box(name, name, Shape.OPERATOR, name, nodes=(i,), amounts=Amounts(heat=value))
        for i, (name, value) in enumerate(values.items())
    ]
    lines = sketch(chain(*boxes, heat=heat), style, 60).splitlines()
    bars = {line.split()[0]: line[45:].strip() for line in lines[3:8]}
    assert bars == {
        "half": "50.0 % ██████",
        "quarter": "25.0 % ███",
        "little": "0.0 % ▏",
        "none": "0.0 %",
        "unknown": "- ╱╱",
    }
    assert "bars: share of all MACs, 0 … 50 %; ╱╱ is not available" in "\n".join(lines)


def test_colours_change_nothing_but_colours(drawing, style) -> None:
    painted = sketch(drawing, style, 80, colours=True)
    assert f"\x1b[{KINDS['conv']}mConv 3×3 · BN · ReLU\x1b[0m" in painted
    plain = re.sub(r"\x1b\[[0-9]+m", "", painted)
    assert [line.rstrip() for line in plain.splitlines()] == sketch(drawing, style, 80).splitlines()


@pytest.mark.parametrize("width", WIDTHS)
def test_frames_deeper_than_the_screen(width, style) -> None:
    class Around(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return self.inner(x) * x

    net = nn.Linear(4, 4)
    for _ in range(30):
        net = Around(net)
    drawing = archlab.render(archlab.load(net, input="4"), depth=99).drawing
    text = sketch(drawing, style, width)
    check(drawing, text, width)
    assert "┆ Linear 4 → 4" in text


NAMES = [
    "x" * 300,
    "层" * 150,
    "שלום" * 80,
    "a\x1b[2J\x07\n\tb",
    "e\u0301" * 200,
    "\u202egnp",
    "a b" * 99,
]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_the_frame(name, width, style) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            inner = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 1))
            self.add_module(name, inner)
            self.add_module(f"{name}2", nn.Conv2d(3, 3, 1))

        def forward(self, x):
            first, second = self.children()
            return second(first(x) + x)

    Net.__name__ = name
    drawing = archlab.render(archlab.load(Net(), input="3x8x8"), depth=1).drawing
    for each in (drawing, archlab.render(archlab.load(Net(), input="3x8x8"), depth=0).drawing):
        text = sketch(each, style, width)
        check(each, text, width)
        assert all(line.isprintable() for line in text.splitlines())
    # What is cut has an ellipsis; what turns the terminal has an escape.
    first = visible(name)[:6]
    assert first in text
