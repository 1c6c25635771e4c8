"""Autocorrelation of known series, gradients against differences, and the paper's order of nets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import archlab
from archlab.probe.shattered import LineNet, autocorrelation, input_gradients


def test_autocorrelation_of_known_series() -> None:
    noise = torch.randn(4096, generator=torch.Generator().manual_seed(0))
    assert autocorrelation(noise, 3)[1:] == pytest.approx([0, 0, 0], abs=0.05)
    assert autocorrelation(noise.cumsum(0), 1)[1] > 0.99
    centred = (noise - noise.mean()).double().numpy()
    expected = np.correlate(centred, centred, "full")[4095:4099] / (centred**2).sum()
    assert autocorrelation(noise, 3) == pytest.approx(expected.tolist(), abs=1e-9)


def test_input_gradients_against_differences() -> None:
    """Between two kinks the gradient of a ReLU net is constant: it is the slope."""
    net = LineNet(depth=1, width=3)
    gradient = input_gradients(net, seed=1)
    assert len(set(gradient.round(decimals=9).tolist())) <= 4  # three kinks at most


def test_the_order_of_shattering() -> None:
    """Balduzzi et al. 2017: plain < residual < residual with a small branch factor."""
    totals = archlab.shattered(depths=(24, 50), width=100, seeds=6).totals
    mean = {name: item.mean for name, item in totals.items()}
    assert mean["plain24 + BN"] < mean["resnet24 + BN"]
    assert mean["plain50 + BN"] < mean["resnet50 + BN"] < mean["resnet50 + BN, β 0.1"]
    assert archlab.shattered(depths=(24, 50), width=100, seeds=6).totals == totals
