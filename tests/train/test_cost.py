"""What a sweep would cost, from a step that takes half a second."""

import pytest
import torch

from archlab.runs.recipe import RECIPES
from archlab.train import cost


def test_hours_grow_with_layers_and_steps(monkeypatch) -> None:
    monkeypatch.setattr(cost, "_seconds_a_step", lambda batch: 0.5 * batch / 128)
    # 64,000 steps of ResNet-20, half a second each, on one core.
    one = 64_000 * 0.5 / 3600
    assert cost.sweep_hours(RECIPES["paper"], [20], 1, 1) == pytest.approx(one)
    assert cost.sweep_hours(RECIPES["paper"], [20, 60], 6, 2) == pytest.approx(one * 4 * 6 / 2)
    # The demo: 20 epochs of 50,000 images in batches of 32.
    demo = 20 * 1563 * 0.5 * 32 / 128 / 3600
    assert cost.sweep_hours(RECIPES["demo"], [20], 1, 1) == pytest.approx(demo)


def test_a_step_is_measured_with_one_thread_that_is_put_back(monkeypatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(cost.torch, "set_num_threads", calls.append)
    before = torch.get_num_threads()
    assert cost._seconds_a_step(2) > 0
    assert calls == [1, before]
