"""Depth as papers name it, and activations against fvcore's own count."""

import warnings

import pytest
import torch
import torchvision
from torch import nn

import archlab
from archlab.analyze.layers import activations, depth


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("googlenet", 22),  # Szegedy et al. 2014: "22 layers deep when counting only layers
        ("resnet18", 18),  # with parameters"; He et al. 2015, table 1 and section 4.2
        ("resnet50", 50),
        ("resnet152", 152),
        ("plain34", 34),
        ("resnet20", 20),
        ("resnet110", 110),
        ("torchvision:alexnet", 8),
        ("torchvision:vgg16", 16),
        ("torchvision:vgg19_bn", 19),
        ("torchvision:densenet121", 121),
        ("torchvision:inception_v3", 48),
    ],
)
def test_depth_is_the_number_in_the_name(name, layers) -> None:
    assert depth(archlab.trace(name)) == layers


def test_parallel_branches_count_once_and_dead_ends_not() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x):
            self.c(self.b(self.a(x)))  # its result is dropped
            return self.a(x) + self.b(self.a(x))

    assert depth(archlab.trace(archlab.load(Net(), input=(1, 4)))) == 2


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "convnext_tiny", "densenet121"])
def test_activations_are_those_of_fvcore(name) -> None:
    nn_module = pytest.importorskip("fvcore.nn")
    options = {"init_weights": False} if name == "googlenet" else {}
    net = getattr(torchvision.models, name)(**options).eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        counter = nn_module.ActivationCountAnalysis(net, torch.zeros(1, 3, 224, 224))
        theirs = counter.unsupported_ops_warnings(enabled=False).total()
    assert activations(archlab.trace(archlab.load(net, input="3x224x224"))) == theirs


def test_attention_puts_out_scores_and_values() -> None:
    """2 heads, 10 queries and keys, 8 channels: q, k, v and out 4 × 80, scores 200, values 80."""
    net = nn.MultiheadAttention(8, 2, batch_first=True)
    graph = archlab.trace(archlab.load(net, input=["query=1x10x8", "key=1x10x8", "value=1x10x8"]))
    assert activations(graph) == 4 * 80 + 2 * 10 * 10 + 80
