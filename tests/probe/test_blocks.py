"""The unit that a net repeats, and modules named by patterns."""

from __future__ import annotations

import pytest
from torch import nn

import archlab
from archlab import zoo
from archlab.errors import SpecError
from archlab.probe.blocks import chosen, find_blocks


@pytest.mark.parametrize(
    ("spec", "count", "first", "last"),
    [
        ("resnet56", 27, "layer1.0", "layer3.8"),
        ("plain20", 9, "layer1.0", "layer3.2"),
        ("resnet50", 16, "layer1.0", "layer4.2"),
        ("googlenet", 9, "inception3a", "inception5b"),
        ("torchvision:resnet18", 8, "layer1.0", "layer4.1"),
        ("torchvision:mobilenet_v2", 17, "features.1", "features.17"),
        ("torchvision:vit_b_16", 12, "encoder.layers.encoder_layer_0", None),
        ("timm:convnext_tiny", 18, "stages.0.blocks.0", "stages.3.blocks.2"),
        ("timm:mixer_s16_224", 8, "blocks.0", "blocks.7"),
    ],
)
def test_the_repeated_unit(spec, count, first, last) -> None:
    blocks = find_blocks(archlab.load(spec).module)
    assert len(blocks) == count
    assert blocks[0] == first
    assert last in (None, blocks[-1])


def test_a_net_without_units_is_measured_layer_by_layer() -> None:
    net = archlab.load("torchvision:vgg11").module
    assert find_blocks(net) == ()
    rows = archlab.gradients(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), seeds=1, batch=2).rows
    assert [row.path for row in rows] == ["0", "1"]


def test_patterns() -> None:
    net = zoo.build("resnet20")
    assert chosen(net, ["layer1.*"], "net") == ("layer1.0", "layer1.1", "layer1.2")
    assert chosen(net, ["conv1", "layer?"], "net") == ("conv1", "layer1", "layer2", "layer3")
    with pytest.raises(SpecError, match=r"no module 'layer9'. Did you mean layer"):
        chosen(net, ["layer9"], "net")
