"""A probe leaves mode, gradients, buffers, hooks and random states as they were."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn

from archlab.probe.gradients import Batch, activation_gradients, measure_gradients
from archlab.probe.untouched import untouched


def squared(output, _):
    return output.square().sum()


def test_everything_is_as_before() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.LazyLinear(2)
    )
    x = torch.randn(2, 3, 6, 6)
    net(x).sum().backward()
    net[1].eval()
    state = {name: value.clone() for name, value in net.state_dict().items()}
    grads = {name: item.grad.clone() for name, item in net.named_parameters()}
    buffers = {name: id(value) for name, value in net.named_buffers()}
    modes = [member.training for member in net.modules()]
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    measure_gradients(net, Batch((x,)), squared)
    activation_gradients(net, Batch((x,)), squared, mode=None)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(item.grad, grads[name]) for name, item in net.named_parameters())
    assert {name: id(value) for name, value in net.named_buffers()} == buffers
    assert [member.training for member in net.modules()] == modes
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()  # noqa: NPY002
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_everything_is_as_before_after_an_error() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    running = net[1].running_mean.clone()

    def fails(output, _):
        raise ValueError("no loss")

    with pytest.raises(ValueError, match="no loss"):
        measure_gradients(net, Batch((torch.randn(4, 3),)), fails)
    assert not net.training
    assert torch.equal(net[1].running_mean, running)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_it_can_be_called_between_training_steps() -> None:
    """The weights of a run with the probe between its steps are those of a run without."""

    def trained(*, probed: bool) -> torch.Tensor:
        torch.manual_seed(3)
        net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            x = torch.randn(6, 4)
            if probed:
                measure_gradients(net, Batch((x,)), squared)
            optimizer.zero_grad()
            squared(net(x), None).backward()
            optimizer.step()
        return torch.cat([item.detach().flatten() for item in net.state_dict().values()])

    assert torch.equal(trained(probed=True), trained(probed=False))


def test_a_buffer_that_a_forward_resizes_has_its_size_again() -> None:
    net = nn.Linear(2, 2)
    net.register_buffer("seen", torch.empty(0))
    with untouched(net, "train"):
        net.seen.resize_(3).fill_(1)
    assert net.seen.shape == (0,)
