"""GoogLeNet, 22 layers with two auxiliary heads (Szegedy et al. 2014, arXiv:1409.4842, table 1).

Two layouts. `imagenet`, the default, is the net of the paper: 224x224, unpadded max-pools in ceil
mode (as in the Caffe model), the second head after 4d. `cifar` is the net of the course: it takes
32x32 images, pads its max-pools by 1 and has the second head after 4e. The local response norm of
2014 is left out in both: it has no parameters and batch norm replaced it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import get_args

import torch
from torch import Tensor, nn

from archlab.zoo.blocks import Inception, conv_block
from archlab.zoo.options import Factorize, Layout, Norm, check_choice, check_count, check_flag


def auxiliary_head(
    in_channels: int, num_classes: int, *, inner_side: int, padding: int, norm: Norm = "batch"
) -> nn.Sequential:
    """Return a classifier on an inner map, there to feed gradient into the middle of the net.

    The side of the map and the padding of the average-pool fix the size of the first linear layer.

    Example:
        >>> auxiliary_head(512, 1000, inner_side=14, padding=0).fc1.in_features
        2048
    """
    # A pool of 5x5 with stride 3 makes (n + 2p - 5) / 3 + 1 outputs, rounded down.
    side = (inner_side + 2 * padding - 5) // 3 + 1
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    # At a 32x32 input the map is 2x2, and the pool averages it with its padding: 4 of 25.
    layers["avgpool"] = nn.AvgPool2d(5, stride=3, padding=padding)
    layers["conv"] = conv_block(in_channels, 128, 1, norm=norm)
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Linear(128 * side * side, 1024)
    layers["relu"] = nn.ReLU(inplace=True)
    layers["dropout"] = nn.Dropout(0.7)
    layers["fc2"] = nn.Linear(1024, num_classes)
    return nn.Sequential(layers)


@dataclass(frozen=True, slots=True)
class _Plan:
    input_shape: tuple[int, int, int]
    num_classes: int
    pool_padding: int
    ceil_mode: bool
    head_padding: int
    head_after_4e: bool

    def max_pool(self) -> nn.MaxPool2d:
        return nn.MaxPool2d(3, stride=2, padding=self.pool_padding, ceil_mode=self.ceil_mode)

    def head(self, in_channels: int, num_classes: int, norm: Norm) -> nn.Sequential:
        # Four convolutions and pools before block 4a halve the map.
        side, padding = self.input_shape[1] // 16, self.head_padding
        return auxiliary_head(in_channels, num_classes, inner_side=side, padding=padding, norm=norm)


PLANS: dict[Layout, _Plan] = {
    "imagenet": _Plan(
        input_shape=(3, 224, 224),
        num_classes=1000,
        pool_padding=0,
        ceil_mode=True,
        head_padding=0,
        head_after_4e=False,
    ),
    "cifar": _Plan(
        input_shape=(3, 32, 32),
        num_classes=10,
        pool_padding=1,
        ceil_mode=False,
        head_padding=2,
        head_after_4e=True,
    ),
}


class GoogLeNet(nn.Module):
    """A stem, nine Inception blocks, global average pooling, dropout and a linear layer.

    Build it with `googlenet`, which checks the options. `input_shape` is channels, height and width
    of the default input.
    """

    def __init__(
        self, plan: _Plan, *, norm: Norm, factorize: Factorize, aux: bool, num_classes: int
    ) -> None:
        super().__init__()
        self.input_shape = plan.input_shape
        self.head_after_4e = plan.head_after_4e
        block = partial(Inception, norm=norm, factorize=factorize)
        self.conv1 = conv_block(3, 64, 7, stride=2, norm=norm)
        self.maxpool1 = plan.max_pool()
        self.conv2 = conv_block(64, 64, 1, norm=norm)
        self.conv3 = conv_block(64, 192, 3, norm=norm)
        self.maxpool2 = plan.max_pool()
        # Columns: input; then table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
        self.inception3a = block(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = block(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = plan.max_pool()
        self.inception4a = block(480, 192, 96, 208, 16, 48, 64)
        self.aux1 = plan.head(512, num_classes, norm) if aux else None
        self.inception4b = block(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = block(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = block(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = block(528, 256, 160, 320, 32, 128, 128)
        inner_channels = 832 if plan.head_after_4e else 528
        self.aux2 = plan.head(inner_channels, num_classes, norm) if aux else None
        self.maxpool4 = plan.max_pool()
        self.inception5a = block(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = block(832, 384, 192, 384, 48, 128, 128)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Return the logits; in training, with heads, the tuple (logits, aux1, aux2)."""
        x = self.conv3(self.conv2(self.maxpool1(self.conv1(x))))
        x = self.inception3b(self.inception3a(self.maxpool2(x)))
        x = self.inception4a(self.maxpool3(x))
        # The heads run only in training: their loss is a training aid, and eval cost excludes it.
        aux1 = self._side_logits(self.aux1, x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = None if self.head_after_4e else self._side_logits(self.aux2, x)
        x = self.inception4e(x)
        if self.head_after_4e:
            aux2 = self._side_logits(self.aux2, x)
        x = self.inception5b(self.inception5a(self.maxpool4(x)))
        x = self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))
        return x if aux1 is None or aux2 is None else (x, aux1, aux2)

    def _side_logits(self, head: nn.Module | None, x: Tensor) -> Tensor | None:
        """Return the head's logits where they count: in training, if there are heads."""
        if head is None or not self.training:
            return None
        logits: Tensor = head(x)
        return logits


def googlenet(
    *,
    layout: Layout = "imagenet",
    norm: Norm = "batch",
    factorize: Factorize = "none",
    aux: bool = True,
    num_classes: int | None = None,
) -> GoogLeNet:
    """Return GoogLeNet; in training mode with `aux` it gives (logits, aux1, aux2).

    Args:
        layout: "imagenet" takes 3x224x224 and has 1000 classes, "cifar" 3x32x32 and 10.
        norm: "batch", or "none" for convolutions with bias and no norm: the net of 2014.
        factorize: "v2" makes each 5x5 two 3x3, "v3" each n x n a 1 x n and an n x 1.
        aux: Whether to have the two auxiliary heads.
        num_classes: Outputs; None takes the layout's.

    Raises:
        OptionError: A value that is not allowed.

    Example:
        >>> net = googlenet(norm="none", aux=False)
        >>> sum(p.numel() for p in net.parameters())
        6998552
    """
    check_choice("layout", layout, get_args(Layout))
    check_choice("norm", norm, get_args(Norm))
    check_choice("factorize", factorize, get_args(Factorize))
    check_flag("aux", aux)
    plan = PLANS[layout]
    classes = plan.num_classes if num_classes is None else num_classes
    check_count("num_classes", classes)
    return GoogLeNet(plan, norm=norm, factorize=factorize, aux=aux, num_classes=classes)
