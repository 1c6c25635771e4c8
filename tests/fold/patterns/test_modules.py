"""Modules by their names, in nets written by hand and in well-known ones, and what is none."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import archlab


def patterns(module, source) -> list[str]:
    """Return the patterns of boxes and frames in the order of a drawing."""
    drawing = archlab.render(archlab.load(module, input=source)).drawing
    return [item.pattern for item in drawing.items if item.pattern]


class Gated(nn.Module):
    def __init__(self, act, *, twice=True):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(16, 32), nn.Linear(16, 32), nn.Linear(32, 16)
        self.act, self.twice = act, twice

    def forward(self, x):
        return (
            self.c(self.act(self.a(x)) * self.b(x)) if self.twice else self.c(self.act(self.a(x)))
        )


@pytest.mark.parametrize(
    ("act", "twice", "names"),
    [
        (F.silu, True, ["SwiGLU"]), (F.gelu, True, ["GEGLU"]), (torch.sigmoid, True, ["GLU"]),
        (torch.tanh, True, []), (F.silu, False, []),
    ],
)  # fmt: skip
def test_a_gated_perceptron_is_named_by_its_activation(act, twice, names) -> None:
    module = nn.Sequential(nn.LayerNorm(16), Gated(act, twice=twice))
    assert patterns(module, "[1x9x16]") == names


class Excited(nn.Module):
    def __init__(self, *, gate=torch.sigmoid, join=torch.mul):
        super().__init__()
        self.down, self.up = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 16, 1)
        self.gate, self.join = gate, join

    def forward(self, x):
        pooled = x.mean((2, 3), keepdim=True)
        return self.join(x, self.gate(self.up(F.relu(self.down(pooled)))))


@pytest.mark.parametrize(
    ("options", "names"),
    [({}, ["squeeze-excite"]), ({"gate": torch.tanh}, []), ({"join": torch.add}, [])],
)
def test_squeeze_excite_is_a_gate_on_pooled_channels(options, names) -> None:
    module = nn.Sequential(nn.Conv2d(3, 16, 3), Excited(**options))
    assert patterns(module, "3x16x16") == names


class Block(nn.Sequential):
    """A module with a name of its own."""


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        ([nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Conv2d(8, 16, 1)], ["depthwise-separable"]),
        ([nn.Conv2d(8, 8, 3, groups=4), nn.ReLU(), nn.Conv2d(8, 16, 1)], []),
        ([nn.Conv2d(8, 8, 3, groups=8), nn.ReLU(), nn.Conv2d(8, 16, 3)], []),
        ([nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 8, 1)], []),
    ],
)
def test_depthwise_separable_is_a_depthwise_and_a_pointwise_layer(layers, names) -> None:
    last = nn.Conv2d(layers[-1].out_channels, 4, 3)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), Block(*layers), last)
    assert patterns(module, "3x16x16") == names


@pytest.mark.parametrize(
    ("name", "pattern", "count"),
    [
        ("torchvision:mobilenet_v3_large", "squeeze-excite", 8),
        ("torchvision:vit_b_16", "attention · 12 heads", 12),
        ("torchvision:resnet18", "", 0),
        ("googlenet", "", 0),
    ],
)
def test_well_known_models(name, pattern, count) -> None:
    """The numbers are those of the papers: 8 of 15 blocks have a gate; ViT-B has 12 layers."""
    drawing = archlab.render(name).drawing
    found = [item for item in drawing.items if item.pattern in (pattern, pattern.capitalize())]
    found = [item for item in found if item.pattern and "Attention" not in item.pattern]
    assert sum(getattr(item, "repeats", 1) for item in found) == count
