"""A U-Net is drawn as a U: down at the left, up at the right, every skip a straight line across."""

import torch
from sound import faults
from torch import nn

import archlab
from archlab.fold.drawing import Role
from archlab.layout import is_bent
from archlab.layout.divide import divide
from archlab.layout.levels import ROOT, levels


class UNet(nn.Module):
    def __init__(self, widths=(8, 16, 32), *, joins=True) -> None:
        super().__init__()
        ends = (3, *widths)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in zip(ends, widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.mid = nn.Conv2d(widths[-1], widths[-1], 3, padding=1)
        self.up = nn.ModuleList(nn.ConvTranspose2d(w, w, 2, 2) for w in widths[::-1])
        outs = (*widths[-2::-1], 4)
        self.dec = nn.ModuleList(
            nn.Conv2d(2 * a if joins else a, b, 3, padding=1)
            for a, b in zip(widths[::-1], outs, strict=True)
        )
        self.joins = joins

    def forward(self, x):
        kept = []
        for down in self.down:
            x = down(x).relu()
            kept.append(x)
            x = self.pool(x)
        x = self.mid(x)
        for up, dec in zip(self.up, self.dec, strict=True):
            skip, x = kept.pop(), up(x)
            x = dec(torch.cat([skip, x], 1) if self.joins else skip + x)
        return x


def test_skips_are_level_and_the_decoder_goes_up(placed) -> None:
    for joins in (True, False):
        model = archlab.load(UNet(joins=joins), input="3x32x32")
        drawing, geometry = placed(model)
        assert faults(drawing, geometry) == []
        lines = dict(zip(drawing.edges, geometry.lines, strict=True))
        skips = [edge for edge in drawing.edges if edge.role != Role.MAIN]
        assert len(skips) == 3
        for edge in skips:
            *_, before, last = lines[edge]
            assert before[1] == last[1]
            assert before[0] < last[0]
        heights = [geometry.boxes[f"dec.{i}"].y for i in range(3)]
        assert heights == sorted(heights, reverse=True)
        assert geometry.boxes["down.0"].y < geometry.boxes["down.2"].y


def test_a_u_inside_a_frame_has_its_header_at_the_top(placed) -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = UNet()
            self.head = nn.Conv2d(4, 2, 1)

        def forward(self, x):
            return self.head(self.net(x))

    drawing, geometry = placed(archlab.load(Around(), input="3x32x32"))
    assert faults(drawing, geometry) == []
    frame = geometry.frames["net"]
    assert frame.name.y == frame.rect.y


def test_a_row_of_residual_blocks_is_no_u(placed) -> None:
    _, geometry = placed("resnet18", fit="none")
    trunk = {round(box.x + box.w / 2, 2) for key, box in geometry.boxes.items() if "conv" in key}
    assert len(trunk) == 1  # the trunk is straight through all frames


def test_rows_of_branches(placed) -> None:
    drawing, _ = placed("googlenet")
    found = levels(drawing)
    rows, _ = divide(found.levels[ROOT].items, found.levels[ROOT].links, found.weights)
    assert all(len(row) == 1 for row in rows)
    group = next(i for i, group in enumerate(drawing.groups) if group.id == "inception3a")
    level = found.levels[len(drawing.boxes) + group]
    rows, _ = divide(level.items, level.links, found.weights)
    assert [len(row) for row in rows] == [4, 1]  # four branches, then the concatenation


def test_a_u_is_known_before_it_is_placed(placed) -> None:
    for model, wanted in ((archlab.load(UNet(), input="3x32x32"), True), ("resnet20", False)):
        drawing, _ = placed(model)
        assert is_bent(drawing) is wanted
