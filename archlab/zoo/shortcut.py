"""Shortcuts past a residual unit: options A, B, C of He et al. 2015, arXiv:1512.03385, 4.1."""

from __future__ import annotations

from typing import get_args

from torch import Tensor, nn
from torch.nn import functional

from archlab.errors import OptionError
from archlab.zoo.conv import conv, norm_layer
from archlab.zoo.options import Norm, Shortcut, check_choice


class PadShortcut(nn.Module):
    """Option A: every stride-th pixel, and zeros for the new channels. No parameters.

    Example:
        >>> import torch
        >>> PadShortcut(16, 32, 2)(torch.ones(1, 16, 8, 8)).shape
        torch.Size([1, 32, 4, 4])
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        if out_channels < in_channels:
            raise OptionError(
                f"shortcut: 'A' pads with zero channels and cannot go from {in_channels} down to "
                f"{out_channels}; choose 'B' or 'C', or widths that do not shrink."
            )
        self.stride = stride
        self.extra = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the subsampled input with zero channels appended."""
        sampled = x[:, :, :: self.stride, :: self.stride]
        # Zeros go after the old channels, as in fb.resnet.torch; the paper does not say where.
        return functional.pad(sampled, (0, 0, 0, 0, 0, self.extra))


def shortcut_path(
    in_channels: int,
    out_channels: int,
    stride: int,
    *,
    shortcut: Shortcut = "B",
    norm: Norm = "batch",
) -> nn.Module | None:
    """Return the module on the shortcut past a residual unit; None stands for the identity.

    Option A pads, B projects where the shape changes, C projects everywhere.
    """
    check_choice("shortcut", shortcut, get_args(Shortcut))
    same_shape = stride == 1 and in_channels == out_channels
    if same_shape and shortcut != "C":
        return None
    if shortcut == "A":
        return PadShortcut(in_channels, out_channels, stride)
    projection = conv(in_channels, out_channels, 1, stride=stride, norm=norm)
    return nn.Sequential(projection, norm_layer(out_channels, norm))
