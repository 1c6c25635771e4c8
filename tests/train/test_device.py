"""Optimizers and the switches that depend on the device."""

import os
import subprocess
import sys
import weakref
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


def test_a_run_that_is_over_keeps_no_memory_of_the_gpu(monkeypatch) -> None:
    class Cycle:
        def __init__(self) -> None:
            self.itself = self

    emptied: list[bool] = []
    gone = weakref.ref(Cycle())
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(gone() is None))
    device.release()
    assert emptied == []
    monkeypatch.setattr(device, "has_cuda", lambda: True)
    device.release()
    assert emptied == [True]


def test_matrix_products_can_be_deterministic_in_every_process() -> None:
    """cuBLAS reads it at the first product; what somebody has set stays."""
    code = "import os, archlab.train.device; print(os.environ['CUBLAS_WORKSPACE_CONFIG'])"
    for given, expected in (("", ":4096:8"), (":16:8", ":16:8")):
        env = {key: value for key, value in os.environ.items() if "CUBLAS" not in key}
        env |= {"CUBLAS_WORKSPACE_CONFIG": given} if given else {}
        command = [sys.executable, "-c", code]
        told = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == expected


def test_cards_are_those_that_the_process_sees(monkeypatch) -> None:
    monkeypatch.setattr(device, "has_cuda", lambda: False)
    assert device.cards() == []
    monkeypatch.setattr(device, "has_cuda", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert device.cards() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-8932f937")
    assert device.cards() == ["3", "GPU-8932f937"]


def test_a_run_that_ends_leaves_the_switches_of_one_beside_it() -> None:
    recipe = replace(SHORT, deterministic=True)
    one, other = device.switches(recipe), device.switches(recipe)
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert torch.are_deterministic_algorithms_enabled()
    other.__exit__(None, None, None)
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
