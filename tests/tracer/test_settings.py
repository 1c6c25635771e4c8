"""What is set during a forward, and that all of it is put back, whatever happens."""

import gc
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from tracing import Calls, meta

import archlab
from archlab.tracer.settings import no_collection, replaced, same_random, settings

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


class Frozen(nn.Module):
    """A net that keeps its norm in eval mode, as fine-tuning does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8)

    def train(self, mode: bool = True) -> "Frozen":  # noqa: FBT001, FBT002  torch's own
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert not self.norm.training
        return self.norm(self.conv(x))  # type: ignore[no-any-return]


def test_what_a_net_says_of_its_own_mode_holds() -> None:
    """Kept for backward: input and output of the convolution, and no statistics of a batch."""
    net = Frozen()
    saved = archlab.memory(archlab.load(net, input=(1, 3, 4, 4))).totals.saved_for_backward
    assert saved == 4 * (3 + 8) * 16
    assert net.norm.training  # as it was given


def exported() -> nn.Module:
    part = nn.Sequential(nn.Linear(8, 8), nn.GELU())
    return torch.export.export(part, (torch.randn(4, 8),)).module()


def frozen_script() -> nn.Module:
    return torch.jit.freeze(torch.jit.script(nn.Linear(8, 8).eval()))  # type: ignore[no-any-return]


@pytest.mark.filterwarnings("ignore")  # torch is leaving scripts behind
@pytest.mark.parametrize("make", [exported, frozen_script])
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_parts_without_a_mode_run(make, mode) -> None:
    net = archlab.load(nn.Sequential(make(), nn.Linear(8, 8)), input=(4, 8))
    assert archlab.flops(net, mode=mode).macs == 2 * 4 * 8 * 8


class Owner:
    kept = 1


class Heir(Owner):
    own = 2


def test_a_class_has_its_attributes_again_after_each_of_two_contexts() -> None:
    with replaced(Heir, {"kept": 3, "own": 4}):
        with replaced(Heir, {"kept": 5, "own": 6}):
            assert (Heir.kept, Heir.own) == (5, 6)
        assert (Heir.kept, Heir.own) == (3, 4)
    assert (Heir.kept, Heir.own) == (1, 2)
    assert "kept" not in vars(Heir)
