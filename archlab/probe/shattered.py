"""Shattered gradients (Balduzzi et al. 2017, arXiv:1702.08591, figures 1 and 2).

The nets are fully connected and map one number to one number. Their gradients with respect to the
input, along a line of inputs, form a time series. Its autocorrelation says how similar the
gradients of neighbours are: brown noise in a shallow net, nearly white noise in a deep plain one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

# 256 inputs, evenly spaced from −2 to 2, as in the paper.
POINTS, SPAN = 256, 2.0
# As in torch's batch norm.
_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class LineNet:
    """One net of the family: x ← W·relu(x) + b, or x ← x + scale·(W·relu(x) + b)."""

    depth: int  # hidden layers
    residual: bool = False  # each layer is added to its input
    norm: bool = False  # the input of each ReLU is normalised over the line (batch norm)
    scale: float = 1.0  # the factor of the branch, Balduzzi's β
    width: int = 200  # units a layer

    @property
    def name(self) -> str:
        """`plain24`, `plain24 + BN`, `resnet50 + BN, β 0.1`."""
        kind = "resnet" if self.residual else "plain"
        scale = f", β {self.scale:g}" if self.residual and self.scale != 1 else ""
        return f"{kind}{self.depth}{' + BN' if self.norm else ''}{scale}"


def input_gradients(net: LineNet, seed: int) -> torch.Tensor:
    """Return df/dx at POINTS inputs (float64), for the weights and biases that `seed` draws.

    Weights and biases are N(0, 2/fan-in).

    Example:
        >>> input_gradients(LineNet(depth=2), seed=0).shape
        torch.Size([256])
    """
    generator = torch.Generator().manual_seed(seed)

    def affine(value: torch.Tensor, outputs: int) -> torch.Tensor:
        spread = (2 / value.shape[1]) ** 0.5
        shape = (value.shape[1], outputs)
        weight = torch.randn(shape, generator=generator, dtype=torch.float64) * spread
        bias = torch.randn(outputs, generator=generator, dtype=torch.float64) * spread
        mapped: torch.Tensor = value @ weight + bias
        return mapped

    with torch.inference_mode(mode=False), torch.enable_grad():
        line = torch.linspace(-SPAN, SPAN, POINTS, dtype=torch.float64)[:, None].requires_grad_()
        hidden = affine(line, net.width)
        for _ in range(net.depth - 1):
            branch = affine(torch.relu(_normed(hidden) if net.norm else hidden), net.width)
            hidden = hidden + net.scale * branch if net.residual else branch
        output = affine(torch.relu(_normed(hidden) if net.norm else hidden), 1)
        (gradient,) = torch.autograd.grad(output.sum(), line)
    column: torch.Tensor = gradient[:, 0]
    return column


def autocorrelation(series: torch.Tensor, lags: int) -> list[float]:
    """Return the autocorrelation of a series at lags 0 … `lags`.

    Example:
        >>> autocorrelation(torch.tensor([1.0, -1.0, 1.0, -1.0]), 1)
        [1.0, -0.75]
    """
    centred = series.double() - series.double().mean()
    power = centred.square().sum()
    size = len(centred)
    return [float((centred[: size - k] * centred[k:]).sum() / power) for k in range(lags + 1)]


def measure_shattering(net: LineNet, seeds: Sequence[int], lags: int = 15) -> list[list[float]]:
    """Return the autocorrelation of the input gradients, one list of lags a seed."""
    return [autocorrelation(input_gradients(net, seed), lags) for seed in seeds]


def _normed(value: torch.Tensor) -> torch.Tensor:
    # Batch statistics count as constants, so that every gradient is that of its own input.
    with torch.no_grad():
        mean = value.mean(dim=0)
        spread = (value.var(dim=0, correction=0) + _EPSILON).sqrt()
    normed: torch.Tensor = (value - mean) / spread
    return normed
