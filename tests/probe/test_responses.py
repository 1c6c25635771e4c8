"""Standard deviations of layers by hand, and their course by depth."""

from __future__ import annotations

import pytest
import torch

import archlab
from archlab import zoo
from archlab.probe.gradients import Batch
from archlab.probe.responses import measure_responses


def test_responses_by_hand() -> None:
    torch.manual_seed(0)
    net, x = zoo.build("plain8").train(), torch.randn(4, 3, 32, 32)
    responses = {item.path: item for item in measure_responses(net, Batch((x,)))}
    with torch.no_grad():
        first = net.bn1(net.conv1(x))
        unit = net.layer1[0]
        raw = unit.conv1(torch.relu(first))
    assert responses["conv1"].deviation == pytest.approx(float(first.std(correction=0)), rel=1e-4)
    assert responses["layer1.0.conv1"].normed
    assert responses["layer1.0.conv1"].deviation == pytest.approx(1, abs=1e-3)
    assert float(raw.std()) != pytest.approx(1, abs=0.01)
    assert not responses["fc"].normed


def test_responses_without_norm_fall_in_plain_nets_and_grow_in_residual_ones() -> None:
    totals = archlab.responses("plain20", "resnet20", norm="none", seeds=2, batch=16)
    rows = {(row.net, row.path): row.response for row in totals.rows}
    assert rows["plain20", "layer3.2.conv2"] < rows["plain20", "layer1.0.conv1"]
    assert rows["resnet20", "layer3.2.conv2"] > rows["resnet20", "layer1.0.conv1"]
    ranks = sorted(row.rank for row in totals.rows if row.net == "plain20" and row.seed == 0)
    assert ranks == list(range(1, 21))
