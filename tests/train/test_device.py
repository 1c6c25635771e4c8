"""Optimizers and the switches that depend on the device."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from archlab.runs.recipe import Recipe
from archlab.train import device

SHORT = Recipe(name="short", steps=6, batch_size=16, pad=0, flip=False)


def test_adam() -> None:
    groups = [{"params": [nn.Parameter(torch.zeros(1))]}]
    made = device.optimizer(replace(SHORT, optimizer="adam", learning_rate=1e-3), groups)
    assert isinstance(made, torch.optim.Adam)
    assert made.defaults["lr"] == 1e-3


def test_the_switches_of_torch_are_put_back(monkeypatch) -> None:
    recipe = replace(SHORT, deterministic=True)
    assert not torch.are_deterministic_algorithms_enabled()
    with device.switches(recipe):
        assert torch.are_deterministic_algorithms_enabled()
        assert device.numerics(recipe) == "float32, deterministic"
    assert not torch.are_deterministic_algorithms_enabled()
    monkeypatch.setattr(device, "has_cuda", lambda: True)
    with device.switches(SHORT):
        assert torch.backends.cudnn.benchmark
        expected = "float32, TF32 in convolutions, cuDNN picks kernels by time"
        assert device.numerics(SHORT) == expected
    assert not torch.backends.cudnn.benchmark
    with pytest.raises(KeyError), device.switches(recipe):
        raise KeyError
    assert not torch.are_deterministic_algorithms_enabled()


def test_both_random_streams_are_seeded_and_put_back(monkeypatch) -> None:
    """Dropout on CUDA draws from CUDA's own stream."""
    seeds, forked = [], []
    monkeypatch.setattr(device, "has_cuda", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "manual_seed", seeds.append)
    fork = torch.random.fork_rng

    def noted(devices):
        forked.extend(devices)
        return fork(devices=[])

    monkeypatch.setattr(torch.random, "fork_rng", noted)
    before = torch.get_rng_state()
    with device.seeded(7):
        drawn = torch.rand(3)
    assert (seeds, forked) == ([7], [3])
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(7)))
