"""Gradients of nets that a hand can differentiate; progress, notes and refusals of the verb."""

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import OptionError


def total(output: torch.Tensor) -> torch.Tensor:
    return output.sum()


@pytest.fixture
def chain():
    """Four numbers to two to one: weights 2 and 3 everywhere, no bias."""
    net = nn.Sequential(nn.Linear(4, 2, bias=False), nn.Linear(2, 1, bias=False))
    for layer, weight in zip(net, (2.0, 3.0), strict=True):
        nn.init.constant_(layer.weight, weight)
    return archlab.load(net, input="4")


def test_norms_by_module_by_hand(chain) -> None:
    heat = archlab.module_gradients(chain, batch=9, loss=total)
    # dL/d(output) is 1 for each of 9 samples; one layer before, it is 3 for each of 9 · 2 numbers.
    assert heat[""] == heat["1"] == pytest.approx(3)
    assert heat["0"] == pytest.approx(3 * 18**0.5)


def test_norms_by_layer_and_what_progress_hears(chain) -> None:
    calls = []
    answer = archlab.gradients(
        chain, by="layer", seeds=2, batch=9, loss=total,
        progress=lambda done, of, what: calls.append((done, of, what)),
    )  # fmt: skip
    grads = {(row.path, row.seed): row.activation_grad for row in answer.rows}
    assert grads["0", 0] == grads["0", 1] == pytest.approx(3 * 18**0.5)
    assert grads["1", 0] == pytest.approx(3)
    assert calls == [(0, 2, "Sequential, seed 0"), (1, 2, "Sequential, seed 1"), (2, 2, "done")]
    assert "loss total" in " ".join(answer.header.conventions)
    assert any("the given weights were kept" in line for line in answer.footer)


def test_depths_are_of_names(chain) -> None:
    with pytest.raises(OptionError, match="depths takes names of the zoo"):
        archlab.gradients(chain, depths=(8, 14))
    with pytest.raises(OptionError, match="No model to measure"):
        archlab.gradients()
