"""The 6n + 2 layer nets for CIFAR-10, residual and plain (He et al. 2015, arXiv:1512.03385, 4.2).

With option-A shortcuts, the default, the residual net and its plain twin have the same parameters
by name and shape, and the same initial values for the same seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from archlab.errors import OptionError
from archlab.zoo.blocks import ResidualUnit, stage
from archlab.zoo.conv import conv, norm_layer
from archlab.zoo.options import (
    Norm,
    Shortcut,
    check_count,
    check_flag,
    check_widths,
    is_cifar_depth,
    nearest_cifar_depths,
)


class CifarResNet(nn.Module):
    """A 3x3 stem, three stages of units, global average pooling and a linear layer.

    Build it with `cifar_resnet` or `cifar_plain`, which check the options. `input_shape` is
    channels, height and width of the default input.
    """

    def __init__(
        self,
        unit: partial[ResidualUnit],
        units: int,
        widths: Sequence[int],
        *,
        in_channels: int,
        num_classes: int,
        norm: Norm,
    ) -> None:
        super().__init__()
        self.input_shape: tuple[int, int, int] = (in_channels, 32, 32)
        first, second, third = widths
        self.conv1 = conv(in_channels, first, 3, norm=norm)
        self.bn1 = norm_layer(first, norm)
        self.relu = nn.ReLU(inplace=True)
        # 2n convolutions a stage on maps of 32, 16 and 8: with stem and linear layer 6n + 2.
        self.layer1 = stage(unit, first, first, units=units, stride=1)
        self.layer2 = stage(unit, first, second, units=units, stride=2)
        self.layer3 = stage(unit, second, third, units=units, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(third, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


def cifar_resnet(  # noqa: PLR0913 - the section's own knobs, each with its default
    depth: int,
    *,
    residual: bool = True,
    widths: tuple[int, int, int] = (16, 32, 64),
    shortcut: Shortcut = "A",
    norm: Norm = "batch",
    in_channels: int = 3,
    num_classes: int = 10,
) -> CifarResNet:
    """Return a residual net of 6n + 2 layers for 32x32 images.

    Args:
        depth: 6n + 2 for n units a stage: 8, 14, 20 and so on.
        residual: False builds the plain twin, without shortcuts.
        widths: Channels of the three stages.
        shortcut: "A" pads (no parameters), "B" projects where the shape changes, "C" everywhere.
        norm: "batch", or "none" for convolutions with bias and no norm.
        in_channels: Channels of the image.
        num_classes: Outputs. A value that is not allowed is an OptionError.

    Example:
        >>> sum(p.numel() for p in cifar_resnet(20).parameters())
        269722
    """
    check_flag("residual", residual)
    check_widths("widths", widths)
    check_count("in_channels", in_channels)
    check_count("num_classes", num_classes)
    # The blocks check norm and shortcut, but a plain unit never looks at its shortcut.
    if not residual and shortcut != "A":
        raise OptionError(
            f"shortcut: {shortcut!r} means nothing with residual=False; leave it out."
        )
    check_count("depth", depth)
    if not is_cifar_depth(depth):
        nearest = " or ".join(map(str, nearest_cifar_depths(depth)))
        raise OptionError(f"depth: {depth} is not 6n + 2; the nearest allowed are {nearest}.")
    units = (depth - 2) // 6
    unit = partial(ResidualUnit, residual=residual, shortcut=shortcut, norm=norm)
    return CifarResNet(
        unit, units, widths, in_channels=in_channels, num_classes=num_classes, norm=norm
    )


def cifar_plain(
    depth: int,
    *,
    widths: tuple[int, int, int] = (16, 32, 64),
    norm: Norm = "batch",
    in_channels: int = 3,
    num_classes: int = 10,
) -> CifarResNet:
    """Return the twin of `cifar_resnet(depth)` without shortcuts; see there for the options.

    Example:
        >>> cifar_plain(20).state_dict().keys() == cifar_resnet(20).state_dict().keys()
        True
    """
    return cifar_resnet(
        depth,
        residual=False,
        widths=widths,
        norm=norm,
        in_channels=in_channels,
        num_classes=num_classes,
    )
