"""Convolutions as the zoo uses them: same-size padding, a bias iff no norm, He's initial values."""

from __future__ import annotations

from collections import OrderedDict
from typing import get_args

from torch import nn

from archlab.zoo.options import Norm, check_choice

Kernel = int | tuple[int, int]


def conv(
    in_channels: int, out_channels: int, kernel: Kernel, *, stride: int = 1, norm: Norm = "batch"
) -> nn.Conv2d:
    """Return a convolution that keeps the map size at stride 1, with a bias iff no norm follows.

    Example:
        >>> conv(3, 64, 7, stride=2)
        Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)
    """
    check_choice("norm", norm, get_args(Norm))
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = size[0] // 2, size[1] // 2
    layer = nn.Conv2d(in_channels, out_channels, size, stride, padding, bias=norm == "none")
    # Normal over fan-in with the gain of ReLU (He et al. 2015, arXiv:1502.01852, eq. 10), which the
    # residual papers use throughout. On meta there is nothing to fill, and torch's normal_ would
    # import sympy and torch._dynamo.
    if not layer.weight.is_meta:
        nn.init.kaiming_normal_(layer.weight, mode="fan_in", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return layer


def norm_layer(channels: int, norm: Norm) -> nn.Module:
    """Return batch norm over `channels`, or the identity for norm="none"."""
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()


def conv_block(
    in_channels: int, out_channels: int, kernel: Kernel, *, stride: int = 1, norm: Norm = "batch"
) -> nn.Sequential:
    """Return convolution, norm (if any) and ReLU, named conv, bn and relu.

    Example:
        >>> [name for name, _ in conv_block(3, 8, 3).named_children()]
        ['conv', 'bn', 'relu']
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = conv(in_channels, out_channels, kernel, stride=stride, norm=norm)
    if norm == "batch":
        layers["bn"] = nn.BatchNorm2d(out_channels)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
