"""Gains of initial values by hand, and nets without norms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import archlab
from archlab.probe.initial import initialise, weight_gain, without_norms


@pytest.mark.parametrize(
    ("scheme", "gain"),
    [("kaiming", 2), ("xavier", 1), ("default", 1 / 3), ("orthogonal", 2), ("zero-gamma", 2)],
)
def test_gains_of_initial_values(scheme, gain) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3))
    assert initialise(net, scheme) == 2
    assert weight_gain(net) == pytest.approx(gain, rel=0.03)
    assert weight_gain(nn.ReLU()) is None


def test_norms_are_taken_out() -> None:
    net = archlab.load("torchvision:resnet18").module
    assert without_norms(net) == 20
    answer = archlab.gradients(
        archlab.load("torchvision:resnet18", input="3x32x32"), norm="none", seeds=1, batch=4
    )
    assert answer.totals["torchvision:resnet18"].theory == pytest.approx(math.sqrt(2), rel=0.2)
