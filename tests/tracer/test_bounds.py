"""A forward with real tensors stays within the memory that is free, and within a time."""

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import TraceError
from archlab.tracer import bounds
from archlab.tracer.bounds import Bounds, BoundsError, check_memory


def test_memory_that_is_not_there_is_refused() -> None:
    check_memory(1, "a byte")
    with pytest.raises(BoundsError, match="the weights would take"):
        check_memory(2**63, "the weights")


def test_a_huge_tensor_is_refused_before_it_is_made() -> None:
    with pytest.raises(BoundsError, match="a tensor of the forward"):
        Bounds().check({"size": [2**40, 2**20], "dtype": torch.float32})


def test_time_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(bounds, "SECONDS", -1.0)

    class Asks(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x * float(x.sum()))

    with pytest.raises(TraceError, match="took more than -1 s"):
        archlab.trace(archlab.load(Asks(3, 4), input=(2, 3)))


def test_weights_that_do_not_fit_are_refused(monkeypatch) -> None:
    class Asks(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) if x.sum() > 0 else x

    with torch.device("meta"):
        net = Asks(2**20, 2**25)  # 128 TiB
    with pytest.raises(TraceError, match=r"depends on values.*131072.12 GiB"):
        archlab.trace(archlab.load(net, input=(2, 2**20)))
