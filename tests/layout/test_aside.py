"""Encoder and decoder stand side by side, and nothing else does that follows each other."""

import pytest
from sound import faults
from torch import nn

import archlab
from archlab.layout import layout
from archlab.view.drawing import face


class Whole(nn.Module):
    """Encoder and decoder within one module."""

    def __init__(self) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(50, 16), nn.Embedding(60, 16)
        self.body = nn.Transformer(16, 2, 2, 2, 32, batch_first=True)
        self.head = nn.Linear(16, 60)

    def forward(self, source, target):
        return self.head(self.body(self.source(source), self.target(target)))


class Apart(nn.Module):
    """Encoder and decoder as modules of the net itself."""

    def __init__(self) -> None:
        super().__init__()
        whole = Whole()
        self.source, self.target, self.head = whole.source, whole.target, whole.head
        self.encoder, self.decoder = whole.body.encoder, whole.body.decoder

    def forward(self, source, target):
        seen = self.encoder(self.source(source))
        return self.head(self.decoder(self.target(target), seen))


class Twins(nn.Module):
    """Two images through one tower each, and a head for both: no half reads the other one."""

    def __init__(self) -> None:
        super().__init__()
        self.towers = nn.ModuleList(
            nn.Sequential(*(nn.Conv2d(3, 3, k, padding=k // 2) for k in (1, 3, 5, 7)), nn.Flatten())
            for _ in range(2)
        )
        self.head = nn.Sequential(*(nn.Linear(a, b) for a, b in ((192, 8), (8, 7), (7, 6), (6, 5))))

    def forward(self, a, b):
        return self.head(self.towers[0](a) + self.towers[1](b))


SENTENCES = {"source": "1x7:int64", "target": "1x9:int64"}


@pytest.mark.parametrize("net", [Whole, Apart])
def test_encoder_and_decoder_are_side_by_side(net) -> None:
    drawing = archlab.render(archlab.load(net(), input=SENTENCES)).drawing
    placed = layout(drawing, face.sizes(drawing, across=False))
    assert faults(drawing, placed) == []
    frames = {
        group.path.rpartition(".")[2]: placed.frames[group.id].rect for group in drawing.groups
    }
    encoder, decoder = frames["encoder"], frames["decoder"]
    assert encoder.right < decoder.x
    assert encoder.y < decoder.bottom
    assert decoder.y < encoder.bottom
    # From left to right they follow each other, as all does.
    across = layout(drawing, face.sizes(drawing, across=True), across=True)
    assert faults(drawing, across) == []


def test_the_target_reaches_the_decoder_and_not_through_the_encoder() -> None:
    drawing = archlab.render(archlab.load(Whole(), input=SENTENCES)).drawing
    placed = layout(drawing, face.sizes(drawing, across=False))
    encoder = next(placed.frames[g.id].rect for g in drawing.groups if g.path == "body.encoder")
    for edge, line in zip(drawing.edges, placed.lines, strict=True):
        if edge.tail == "target":
            assert all(x > encoder.right or y < encoder.y for x, y in line)


def test_what_only_meets_at_the_end_stands_above_its_head() -> None:
    model = archlab.load(Twins(), input={"a": "3x8x8", "b": "3x8x8"})
    drawing = archlab.render(model).drawing
    placed = layout(drawing, face.sizes(drawing, across=False))
    assert faults(drawing, placed) == []
    head = next(placed.frames[g.id].rect for g in drawing.groups if g.path == "head")
    towers = [placed.frames[g.id].rect for g in drawing.groups if g.path.startswith("towers.")]
    assert all(tower.bottom < head.y for tower in towers)
