"""What happens undrawn between two boxes: it belongs to one of them, or stands on the edge."""

import small_nets
import torch
from torch import nn

import archlab
from archlab.fold import Wish, fold


def test_a_slice_on_the_way_shows_in_a_second_shape() -> None:
    graph = archlab.trace(archlab.load(small_nets.Mixer(), input=(1, 3, 16, 16)))
    (edge,) = (edge for edge in fold(graph).edges if edge.head == "head")
    # Four by four patches and the first token, of which the head reads that one alone.
    assert (edge.shape, edge.read, edge.sizes) == ((17, 12), (12,), "17×12 ⇢ 12")
    assert edge.changed


def test_what_a_module_does_inside_is_no_change_on_the_way_to_it() -> None:
    class Middle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.norm(self.conv(x[:, :, ::2, ::2])).flatten(1)

    net = nn.Sequential(nn.Conv2d(3, 4, 1), Middle(), nn.Linear(256, 2)).eval()
    drawing = fold(archlab.trace(archlab.load(net, input=(1, 3, 16, 16))), Wish(depth=1))
    edges = [(edge.shape, edge.read) for edge in drawing.edges]
    assert edges == [((3, 16, 16), ()), ((4, 16, 16), ()), ((256,), ()), ((2,), ())]
