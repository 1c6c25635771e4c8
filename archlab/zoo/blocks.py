"""The blocks the zoo is built of: conv blocks, Inception, and the two residual units.

Each can be used on its own. Child names follow torchvision, so that its weights load strictly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, get_args

import torch
from torch import Tensor, nn

from archlab.zoo.conv import Kernel, conv, conv_block, norm_layer
from archlab.zoo.options import Factorize, Norm, Shortcut, check_choice
from archlab.zoo.shortcut import shortcut_path

__all__ = ["Bottleneck", "Inception", "ResidualUnit", "conv_block", "stage"]


def _square(
    in_channels: int, out_channels: int, size: int, factorize: Factorize, norm: Norm
) -> list[nn.Sequential]:
    """Return the size x size convolution of an Inception branch, or its factors."""
    kernels: tuple[Kernel, ...] = (size,)
    if factorize == "v2" and size == 5:
        kernels = (3, 3)
    elif factorize == "v3":
        kernels = ((1, size), (size, 1))
    # The first convolution keeps the width and the second changes it, as the authors' Inception-v3
    # factorizes its 7x7 (c7 -> c7 -> 192): the reduced width is where the saving is.
    *inner, last = kernels
    return [
        *(conv_block(in_channels, in_channels, kernel, norm=norm) for kernel in inner),
        conv_block(in_channels, out_channels, last, norm=norm),
    ]


class Inception(nn.Module):
    """Four parallel branches, joined on the channel axis in the order branch1 to branch4.

    The widths are named as the columns of table 1 of Szegedy et al. 2014 (arXiv:1409.4842), where
    "red" is the 1x1 before a convolution; the map size is kept. Unlike torchvision's, the 5x5 is a
    real 5x5.

    Args:
        norm: "batch", or "none" for convolutions with bias and no norm.
        factorize: "v2" makes the 5x5 two 3x3, "v3" makes every n x n a 1 x n and an n x 1
            (Szegedy et al. 2015, arXiv:1512.00567).

    Example:
        >>> import torch
        >>> block = Inception(192, 64, 96, 128, 16, 32, 32)
        >>> block(torch.zeros(1, 192, 4, 4)).shape
        torch.Size([1, 256, 4, 4])
    """

    def __init__(  # noqa: PLR0913 - seven columns of the paper's table
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        *,
        norm: Norm = "batch",
        factorize: Factorize = "none",
    ) -> None:
        super().__init__()
        check_choice("factorize", factorize, get_args(Factorize))
        self.branch1 = conv_block(in_channels, ch1x1, 1, norm=norm)
        self.branch2 = nn.Sequential(
            conv_block(in_channels, ch3x3red, 1, norm=norm),
            *_square(ch3x3red, ch3x3, 3, factorize, norm),
        )
        self.branch3 = nn.Sequential(
            conv_block(in_channels, ch5x5red, 1, norm=norm),
            *_square(ch5x5red, ch5x5, 5, factorize, norm),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            conv_block(in_channels, pool_proj, 1, norm=norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the joined outputs of the four branches."""
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions and a shortcut past them (He et al. 2015, figure 5, left).

    The stride is in the first convolution. `residual=False` leaves out the shortcut with its
    parameters, for a plain unit; `shortcut` is an option of `shortcut_path`.

    Example:
        >>> import torch
        >>> ResidualUnit(16, 32, 2)(torch.zeros(1, 16, 8, 8)).shape
        torch.Size([1, 32, 4, 4])
    """

    expansion: ClassVar[int] = 1

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        residual: bool = True,
        shortcut: Shortcut = "B",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.residual = residual
        # One ReLU module a place, so that no module is called twice and each has its own path.
        self.conv1 = conv(in_channels, channels, 3, stride=stride, norm=norm)
        self.bn1 = norm_layer(channels, norm)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = conv(channels, channels, 3, norm=norm)
        self.bn2 = norm_layer(channels, norm)
        self.relu2 = nn.ReLU(inplace=True)
        # Made only where it is used: a projection would draw from the random stream, and the plain
        # twin would begin with other weights.
        self.downsample: nn.Module | None = None
        if residual:
            self.downsample = shortcut_path(
                in_channels, channels, stride, shortcut=shortcut, norm=norm
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(F(x) + shortcut(x)), or relu(F(x)) for a plain unit."""
        out: Tensor = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.residual:
            # In place, like torchvision: no backward formula needs the norm's output.
            out += x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu2(out)
        return result


class Bottleneck(nn.Module):
    """1x1 down, 3x3, 1x1 up to four times the width, and a shortcut (He et al. 2015, figure 5).

    `channels` are those of the 3x3. The stride is in the 3x3, as in torchvision; the paper has it
    in the first 1x1. Where the shape changes, the shortcut is a projection (option B).
    `residual=False` leaves it out with its parameters, for a plain unit.

    Example:
        >>> import torch
        >>> Bottleneck(64, 16, 2)(torch.zeros(1, 64, 8, 8)).shape
        torch.Size([1, 64, 4, 4])
    """

    expansion: ClassVar[int] = 4

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        *,
        residual: bool = True,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        self.residual = residual
        out_channels = channels * self.expansion
        self.conv1 = conv(in_channels, channels, 1, norm=norm)
        self.bn1 = norm_layer(channels, norm)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = conv(channels, channels, 3, stride=stride, norm=norm)
        self.bn2 = norm_layer(channels, norm)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = conv(channels, out_channels, 1, norm=norm)
        self.bn3 = norm_layer(out_channels, norm)
        self.relu3 = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if residual:
            self.downsample = shortcut_path(in_channels, out_channels, stride, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        """Return relu(F(x) + shortcut(x)), or relu(F(x)) for a plain unit."""
        out: Tensor = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.residual:
            # In place, see ResidualUnit.
            out += x if self.downsample is None else self.downsample(x)
        result: Tensor = self.relu3(out)
        return result


def stage(
    unit: Callable[[int, int, int], ResidualUnit | Bottleneck],
    in_channels: int,
    channels: int,
    *,
    units: int,
    stride: int,
) -> nn.Sequential:
    """Return `units` units in a row; the first one changes the width and has the stride."""
    first = unit(in_channels, channels, stride)
    out_channels = channels * first.expansion
    return nn.Sequential(first, *(unit(out_channels, channels, 1) for _ in range(units - 1)))
