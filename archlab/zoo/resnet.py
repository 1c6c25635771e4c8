"""ResNet-18 to ResNet-152 and their plain twins (He et al. 2015, arXiv:1512.03385, table 1).

Two layouts. `imagenet`, the default, is the net of the paper; `cifar` is the net of the course,
with a 3x3 stem of stride 1 for 32x32 images. Parameter names are torchvision's in both, so its
weights load strictly into the former.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import get_args

import torch
from torch import Tensor, nn

from archlab.zoo.blocks import Bottleneck, ResidualUnit, stage
from archlab.zoo.conv import conv, norm_layer
from archlab.zoo.options import Layout, Norm, check_choice, check_count, check_flag


@dataclass(frozen=True, slots=True)
class _Stem:
    kernel: int
    stride: int
    input_shape: tuple[int, int, int]
    num_classes: int


# Both stems end in the same max-pool, 3x3 of stride 2 with padding 1.
STEMS: dict[Layout, _Stem] = {
    "imagenet": _Stem(kernel=7, stride=2, input_shape=(3, 224, 224), num_classes=1000),
    "cifar": _Stem(kernel=3, stride=1, input_shape=(3, 32, 32), num_classes=10),
}
# Units a stage, table 1 of the paper; 34 and 50 differ in the kind of unit alone.
UNITS: dict[int, tuple[int, int, int, int]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


class ResNet(nn.Module):
    """A stem, four stages of units, global average pooling and a linear layer.

    Build it with `resnet` or `plain`, which check the options. `input_shape` is channels, height
    and width of the default input.
    """

    def __init__(
        self, depth: int, stem: _Stem, *, residual: bool, norm: Norm, num_classes: int
    ) -> None:
        super().__init__()
        self.input_shape = stem.input_shape
        unit = Bottleneck if depth >= 50 else ResidualUnit
        make = partial(unit, residual=residual, norm=norm)
        out = unit.expansion
        units = UNITS[depth]
        # torchvision's names from here on: its state dicts load strictly.
        self.conv1 = conv(3, 64, stem.kernel, stride=stem.stride, norm=norm)
        self.bn1 = norm_layer(64, norm)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(make, 64, 64, units=units[0], stride=1)
        self.layer2 = stage(make, 64 * out, 128, units=units[1], stride=2)
        self.layer3 = stage(make, 128 * out, 256, units=units[2], stride=2)
        self.layer4 = stage(make, 256 * out, 512, units=units[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * out, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


def resnet(
    depth: int,
    *,
    layout: Layout = "imagenet",
    residual: bool = True,
    norm: Norm = "batch",
    num_classes: int | None = None,
) -> ResNet:
    """Return a residual net of 18, 34, 50, 101 or 152 layers.

    Args:
        depth: 18 and 34 have basic units, the others bottleneck units.
        layout: "imagenet" takes 3x224x224 and has 1000 classes, "cifar" 3x32x32 and 10.
        residual: False builds the net without shortcuts and without their projections.
        norm: "batch", or "none" for convolutions with bias and no norm.
        num_classes: Outputs; None takes the layout's.

    Raises:
        OptionError: A value that is not allowed.

    Example:
        >>> resnet(18).input_shape, resnet(18, layout="cifar").input_shape
        ((3, 224, 224), (3, 32, 32))
    """
    check_choice("depth", depth, tuple(UNITS))
    check_choice("layout", layout, get_args(Layout))
    check_flag("residual", residual)
    check_choice("norm", norm, get_args(Norm))
    stem = STEMS[layout]
    classes = stem.num_classes if num_classes is None else num_classes
    check_count("num_classes", classes)
    return ResNet(depth, stem, residual=residual, norm=norm, num_classes=classes)


def plain(
    depth: int, *, layout: Layout = "imagenet", norm: Norm = "batch", num_classes: int | None = None
) -> ResNet:
    """Return the twin of `resnet(depth)` without shortcuts; see there for the options.

    Example:
        >>> plain(18).layer1[0].residual
        False
    """
    return resnet(depth, layout=layout, residual=False, norm=norm, num_classes=num_classes)
