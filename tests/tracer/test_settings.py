"""What is set during a forward, and that all of it is put back, whatever happens."""

import gc
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from tracing import Calls, meta

from archlab.tracer.settings import no_collection, same_random, settings

FUSED = "aten._scaled_dot_product_flash_attention_for_cpu.default"


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_a_forward_runs_in_its_mode_without_collector_and_fast_path(mode) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    train = mode == "train"
    with settings(net, mode):
        assert [member.training for member in net.modules()] == [train] * 3
        assert torch.is_grad_enabled() == train
        assert not gc.isenabled()
        assert not torch.backends.mha.get_fastpath_enabled()


def test_all_is_put_back_after_a_forward_that_raises() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())
    net[1].eval()  # a net of which a part is frozen
    query = meta(2, 4, 5, 8)

    def attention() -> list[str]:
        with Calls() as calls:
            F.scaled_dot_product_attention(query, query, query)
        return calls.names

    def forward() -> None:
        with settings(net, "eval"):
            assert FUSED in attention()
            raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        forward()
    assert [member.training for member in net.modules()] == [True, True, False]
    assert FUSED not in attention()
    assert torch.is_grad_enabled()
    assert gc.isenabled()
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_random_numbers_are_those_that_would_have_come_anyway() -> None:
    def draw() -> list[float]:
        return [torch.rand(()).item(), random.random(), np.random.rand()]  # noqa: NPY002

    with same_random():
        first = draw()
        second = draw()
    assert draw() == first
    assert all(a != b for a, b in zip(first, second, strict=True))
