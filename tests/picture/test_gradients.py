"""The shapes on the arrows of a backward pass are those of the gradients."""

import torch
from torch import nn

import archlab


class Branches(nn.Module):
    """A convolution, two branches joined by concatenation, a pool and a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.one, self.two = nn.Conv2d(4, 5, 1), nn.Conv2d(4, 6, 3, stride=2)
        self.head = nn.Linear(11, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        two = nn.functional.interpolate(self.two(x), size=x.shape[-2:])
        return self.head(torch.cat([self.one(x), two], 1).mean((2, 3)))


def test_each_arrow_has_the_shape_of_the_output_of_the_function_that_gets_it() -> None:
    """A gradient has the shape of what it is the gradient of, without the batch."""
    model = archlab.load(Branches(), input="2x3x9x9")
    drawing = archlab.render_backward(model, color_by=None).drawing
    box = {box.id: (box.name or box.title) for box in drawing.boxes}
    shapes = {(box[edge.tail], box[edge.head]): edge.shape for edge in drawing.edges}
    assert shapes == {
        ("gradient of the output", "head"): (2,),
        ("head", "Mean backward"): (11,),
        ("Mean backward", "Concat backward"): (11, 9, 9),
        ("Concat backward", "one"): (5, 9, 9),
        ("Concat backward", "Upsample backward"): (6, 9, 9),
        ("Upsample backward", "two"): (6, 4, 4),
        ("one", "stem"): (4, 9, 9),
        ("two", "stem"): (4, 9, 9),
    }
    assert drawing.heat is None


def test_a_shape_is_written_where_it_is_a_new_one() -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Tanh(), nn.Linear(8, 2))
    drawing = archlab.render_backward(archlab.load(net, input="3x4")).drawing
    written = [edge.sizes for edge in drawing.edges if edge.changed]
    assert written == ["2", "8"]
    assert [edge.sizes for edge in drawing.edges] == ["2", "8", "8", "8"]
