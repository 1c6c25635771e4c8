"""Loops with shared weights, towers with the same weights, and what is neither."""

import time

import pytest
import torch
from torch import nn

import archlab
from archlab.fold import Role, fold, turns


class Cell(nn.Module):
    def __init__(self, size=16):
        super().__init__()
        self.w, self.u = nn.Linear(size, size), nn.Linear(size, size)

    def forward(self, x, state):
        return torch.tanh(self.w(x) + self.u(state))


class Recurrent(nn.Module):
    """Reads a row of vectors one by one and begins with zeros."""

    def __init__(self, *, keep=True):
        super().__init__()
        self.cell, self.head, self.keep = Cell(), nn.Linear(16, 4), keep

    def forward(self, x):
        state, seen = x.new_zeros(x.shape[0], 16), []
        for t in range(x.shape[1]):
            state = self.cell(x[:, t], state)
            seen.append(state)
        return self.head(torch.stack(seen, 1) if self.keep else state)


def drawn(module, source, **look):
    return archlab.render(archlab.load(module, input=source), **look).drawing


def rows(drawing) -> list[tuple[str, int, str]]:
    return [(item.path, item.times, item.note) for item in drawing.items if item.times > 1]


@pytest.mark.parametrize("keep", [True, False])
def test_the_turns_of_a_loop_are_one_body_with_an_arrow_back(keep) -> None:
    drawing = drawn(Recurrent(keep=keep), "[1x50x16]")
    assert rows(drawing) == [("cell", 50, "same weights")]
    assert [box.title for box in drawing.boxes] == [
        "input", "Linear 16 → 16", "Linear 16 → 16", "+", *(["Stack"] * keep), "Linear 16 → 4",
        "output",
    ]  # fmt: skip
    # The sum with its tanh is the new state, and the next turn's `u` reads it first.
    backwards = [(e.tail, e.head) for e in drawing.edges if e.role == Role.LOOP]
    assert backwards == [("cell/add", "cell.u")]


def test_numbers_of_a_loop_are_those_of_all_turns() -> None:
    module = Recurrent()
    drawing = drawn(module, "[1x50x16]")
    group = drawing.groups[0]
    assert group.amounts.params == 2 * (16 * 16 + 16)
    assert group.amounts.macs == 50 * 2 * 16 * 16
    boxes = [box.amounts for box in drawing.boxes]
    assert sum(a.params or 0 for a in boxes) == sum(p.numel() for p in module.parameters())
    assert sum(a.macs or 0 for a in boxes) == 50 * (2 * 16 * 16 + 16 * 4)
    # The first turn multiplies zeros, and is drawn, and counted, as the others are.
    u = next(box for box in drawing.boxes if box.id == "cell.u")
    assert (u.amounts.params, u.amounts.each, u.amounts.macs) == (272, 272, 50 * 16 * 16)


class Scan(nn.Module):
    """A state space: a loop of operators that is no module of its own."""

    def __init__(self):
        super().__init__()
        self.decay = nn.Parameter(torch.randn(8))
        self.out = nn.Linear(8, 8)

    def forward(self, x):
        state, seen = torch.zeros(x.shape[0], 8), []
        for t in range(x.shape[1]):
            state = torch.exp(self.decay * x[:, t]) * state + x[:, t]
            seen.append(state)
        return self.out(torch.stack(seen, 1))


def test_operators_repeat_without_a_module() -> None:
    drawing = drawn(Scan(), "[1x40x8]")
    assert rows(drawing) == [("", 40, "same weights")]
    assert [box.title for box in drawing.boxes][1:-1] == [
        "Scale by decay", "×", "+", "Stack", "Linear 8 → 8",
    ]  # fmt: skip
    assert [(e.tail, e.head) for e in drawing.edges if e.role == Role.LOOP] == [("/add", "/mul~2")]


class Refined(nn.Module):
    """Six turns; the results of some of them go to heads of their own."""

    def __init__(self, taps):
        super().__init__()
        self.step = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
        self.heads = nn.ModuleList(nn.Linear(8, 2 + i) for i in range(len(taps)))
        self.taps = taps

    def forward(self, x):
        found = []
        for t in range(6):
            x = x + self.step(x)
            if t in self.taps:
                found.append(self.heads[len(found)](x))
        return found


@pytest.mark.parametrize(("taps", "times"), [((5,), [6]), ((1, 5), [2, 4]), ((2, 5), [3, 3])])
def test_a_loop_ends_where_another_reads_it(taps, times) -> None:
    drawing = drawn(Refined(taps), "1x8")
    assert [row[1] for row in rows(drawing)] == times
    # What the second part of the loop costs is counted at the first.
    groups = [item for item in drawing.groups if item.times > 1]
    assert [group.amounts.shared for group in groups] == [False, True][: len(times)]
    assert ("shared weights" in str(archlab.render(archlab.load(Refined(taps), input="1x8")))) == (
        len(times) > 1
    )


class Stack(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.ModuleList(Cell() for _ in range(5))

    def forward(self, x):
        state = x
        for cell in self.cells:
            state = cell(x, state)
        return state


def test_layers_with_weights_of_their_own_are_no_loop() -> None:
    drawing = drawn(Stack(), "1x16")
    assert not [edge for edge in drawing.edges if edge.role == Role.LOOP]
    assert all("same weights" not in item.note for item in drawing.items if hasattr(item, "note"))


class Growing(nn.Module):
    """One layer again and again on smaller maps: no loop, since sizes change."""

    def __init__(self):
        super().__init__()
        self.step = nn.Sequential(nn.Conv2d(4, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 4, 3, 1, 1))

    def forward(self, x):
        for _ in range(3):
            x = self.step(x)
        return x


def test_turns_on_smaller_and_smaller_maps_are_drawn_one_by_one() -> None:
    assert not rows(drawn(Growing(), "4x32x32"))


class Towers(nn.Module):
    def __init__(self, *, same):
        super().__init__()
        towers = [
            nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)) for _ in range(2)
        ]
        self.one, self.two = towers[0], towers[0] if same else towers[1]

    def forward(self, left, right):
        return self.one(left) - self.two(right)


def test_towers_with_the_same_weights_are_one() -> None:
    source = {"left": (3, 16, 16), "right": (3, 16, 16)}
    drawing = drawn(Towers(same=True), source)
    assert rows(drawing) == [("one", 2, "side by side, same weights")]
    first = next(box for box in drawing.boxes if box.id == "one.0")
    assert {e.tail for e in drawing.edges if e.head == first.id} == {"input:left", "input:right"}
    assert drawing.groups[0].amounts.params == 3 * 8 * 9 + 8 + 8 * 8 * 9 + 8
    assert not rows(drawn(Towers(same=False), source))


class Pyramid(nn.Module):
    """One head on three levels of other sizes."""

    def __init__(self):
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(i, 8, 3, 2, 1) for i in (3, 8, 8))
        self.head = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 4, 1))

    def forward(self, x):
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        return [self.head(level) for level in maps]


def test_a_head_on_many_levels_is_one_and_reads_them_all() -> None:
    drawing = drawn(Pyramid(), "3x32x32")
    assert rows(drawing) == [("head", 3, "side by side, same weights")]
    tails = {edge.tail for edge in drawing.edges if edge.head == "head.0"}
    assert tails == {"levels.0", "levels.1", "levels.2"}
    # 16², 8² and 4² positions of a 3×3 and a 1×1 layer.
    macs = (16 * 16 + 8 * 8 + 4 * 4) * (8 * 8 * 9 + 8 * 4)
    assert drawing.groups[-1].amounts.macs == macs


def test_a_module_in_two_places_says_so_at_the_second() -> None:
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 8))
            self.between = nn.Linear(8, 8)

        def forward(self, x):
            return self.body(self.between(self.body(x)))

    for boxes in (60, 4):  # open, and closed
        picture = archlab.render(archlab.load(Twice(), input="1x8"), boxes=boxes)
        first, second = (item for item in picture.drawing.items if item.path == "body")
        assert (first.amounts.shared, second.amounts.shared) == (False, True)
        told = [line for line in str(picture).splitlines() if "shared weights" in line]
        assert len(told) == (3 if boxes == 60 else 1)  # the frame, and each layer in it
        assert "body" in told[0]


def test_time_to_fold_grows_as_the_loop_does() -> None:
    def seconds(turns):
        graph = archlab.trace(archlab.load(Recurrent(), input=f"[1x{turns}x16]"))
        begin = time.process_time()
        fold(graph)
        return time.process_time() - begin

    assert seconds(800) < 10 * max(seconds(200), 0.02)


class Classes(nn.Module):
    """What a detector does for each class: operators of a few sorts, over and over, no weights."""

    def forward(self, x):
        kept = []
        for i in range(60):
            scores = x[:, i].sigmoid()
            boxes = (x[:, i] - scores).relu() * (i + 1)
            kept.append((scores.cumsum(0) + boxes).softmax(-1))
        return torch.stack(kept, 1)


def test_what_is_no_loop_is_told_without_comparing_turns(monkeypatch) -> None:
    compared = []
    whole = turns._Turn.__init__

    def counted(self, row, start, period) -> None:
        compared.append(period)
        whole(self, row, start, period)

    monkeypatch.setattr(turns._Turn, "__init__", counted)
    drawing = drawn(Classes(), "[2x60x8]")
    assert not any(edge.role == Role.LOOP for edge in drawing.edges)
    assert len(compared) < 60  # there are 32 periods to try at each of 480 operators
