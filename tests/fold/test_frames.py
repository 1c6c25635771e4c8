"""An encoder and a decoder without their frames: what was in them stays, with longer names."""

import pytest
import torch
from torch import nn
from torch.nn.functional import max_pool2d

import archlab
from archlab.fold import fold
from archlab.fold.frames import crossed, unframed
from archlab.layout import is_bent


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 4), (4, 8), (8, 8))
        )

    def forward(self, x):
        found = [self.convs[0](x)]
        for conv in self.convs[1:]:
            found.append(conv(max_pool2d(found[-1], 2)))
        return found


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ups = nn.ModuleList([nn.ConvTranspose2d(8, 8, 2, 2), nn.ConvTranspose2d(16, 4, 2, 2)])

    def forward(self, x, second, first):
        x = torch.cat([second, self.ups[0](x)], 1)
        return torch.cat([first, self.ups[1](x)], 1)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def forward(self, x):
        first, second, third = self.encoder(x)
        return self.decoder(third, second, first)


@pytest.fixture(scope="module")
def model() -> archlab.Model:
    return archlab.load(UNet(), input="3x16x16")


def test_frames_that_several_skips_cross_are_found(model) -> None:
    assert crossed(fold(model.trace())) == {"encoder", "decoder"}
    assert not crossed(fold(archlab.load("densenet121").trace()))


def test_what_was_inside_keeps_all_but_the_frame(model) -> None:
    drawing = fold(model.trace())
    lifted = unframed(drawing, ["encoder"])
    assert {group.id for group in drawing.groups} - {group.id for group in lifted.groups} == {
        "encoder"
    }
    names = {box.path: box.name for box in lifted.boxes}
    assert names["encoder.convs.0"] == "encoder.convs.0"
    assert names["decoder.ups.0"] == "ups.0"
    assert lifted.edges == drawing.edges
    assert [box.nodes for box in lifted.boxes] == [box.nodes for box in drawing.boxes]
    groups = {group.id for group in lifted.groups} | {""}
    assert all(box.group in groups for box in lifted.boxes)
    assert all(group.parent in groups for group in lifted.groups)


def test_a_u_net_of_two_modules_is_drawn_as_a_u(model) -> None:
    drawing = archlab.render(model).drawing
    assert not drawing.groups
    assert is_bent(drawing)
    # From left to right no drawing is a U, and so the frames stay.
    across = archlab.render(model, direction="LR").drawing
    assert {group.path for group in across.groups} == {"encoder", "decoder"}
    assert not is_bent(across)
