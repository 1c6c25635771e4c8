"""Norms of branches and shortcuts by hand, and branches set to zero."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import archlab
from archlab import zoo
from archlab.probe.branches import measure_branches, zero_branches
from archlab.probe.gradients import Batch


def image(size: int = 32, batch: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch((torch.randn((batch, 3, size, size), generator=generator),))


def built(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return zoo.build(name, **options)


def test_the_identity_probe_by_hand() -> None:
    net, batch = built("resnet8").train(), image()
    with torch.no_grad():
        x = net.relu(net.bn1(net.conv1(*batch.args)))
        unit = net.layer1[0]
        branch = unit.bn2(unit.conv2(torch.relu(unit.bn1(unit.conv1(x)))))
    first = measure_branches(built("resnet8"), batch)[0]
    assert first.ratio == pytest.approx(float(branch.norm() / x.norm()), rel=1e-5)


def test_zero_gamma_makes_every_block_the_identity() -> None:
    net = built("resnet20")
    assert zero_branches(net, image()) == 9
    assert all(item.ratio == 0 for item in measure_branches(net, image()))
    answer = archlab.gradients("resnet20", seeds=1, batch=8, init="zero-gamma")
    assert answer.totals["resnet20"].theory == 1.0
    assert answer.totals["resnet20"].growth_per_block == pytest.approx(1.0, abs=1e-9)


def test_identity_of_several_nets() -> None:
    answer = archlab.identity("resnet20", "torchvision:resnet18", seeds=1, batch=4)
    assert [item.places for item in answer.totals.values()] == [9, 8]
    assert all(row.branch_to_input > 0 for row in answer.rows)
