"""Hooks on module calls: the order, the norm of each gradient, what comes before a block."""

import math

import pytest
import torch
from torch import nn

from archlab.probe.watch import Slot, Watch, joined, kept_outputs


def test_calls_gradients_and_the_stem() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Identity(), nn.Linear(4, 2))
    with Watch(net, ["2"]) as watch:
        net(torch.ones(5, 3)).sum().backward()
    assert [call.path for call in watch.calls] == ["0", "1", "2", ""]
    assert [call.path for call in watch.selected()] == ["2"]
    norms = watch.by_path()
    # The gradient of a sum is 1 at each of the 10 outputs.
    assert norms["2"] == pytest.approx(math.sqrt(10))
    # Every row of the batch gets the column sums of the last weight.
    assert norms["0"] == pytest.approx(
        float(net[2].weight.detach().sum(0).norm()) * math.sqrt(5), rel=1e-6
    )
    assert watch.stem is not None
    assert (watch.stem.path, watch.before) == ("0", ("0", "1"))
    assert watch.stem.gradient() == norms["0"]


def test_hooks_are_removed() -> None:
    net = nn.Sequential(nn.Linear(3, 4))
    with Watch(net) as watch:
        net(torch.ones(1, 3))
    net(torch.ones(1, 3))
    assert len(watch.calls) == 2


def test_a_block_on_the_input_itself_has_no_maker() -> None:
    net = nn.Sequential(nn.Linear(3, 4))
    with Watch(net, ["0"]) as watch:
        net(torch.ones(1, 3))
    assert watch.stem is not None
    assert (watch.stem.path, watch.stem.gradient(), watch.before) == ("", None, ())


def test_a_slot_that_is_listed_twice_counts_once() -> None:
    three, four = Slot(torch.tensor(3.0)), Slot(torch.tensor(4.0))
    assert joined([three, four, three]) == 5
    assert joined([Slot()]) is None


def test_the_first_output_of_a_module_is_kept() -> None:
    layer = nn.Identity()
    with kept_outputs(nn.Sequential(layer, layer), ["0"]) as outputs:
        layer(torch.zeros(1))
        layer(torch.ones(1))
    assert float(outputs["0"]) == 0
