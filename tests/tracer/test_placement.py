"""Where operators of a trace on meta run, and what that does to values."""

import gc
import inspect
import sys
import time
import types
import weakref
from typing import Any

import pytest
import torch
from torch import nn

import archlab
from archlab.tracer.placement import complain, moved


class Net(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x)


def build(function: Any) -> str:
    return archlab.trace(archlab.load(Net(function), input=(2, 3))).build


def positions(x: torch.Tensor) -> torch.Tensor:
    for i in torch.arange(3).tolist():
        x = x + i
    return x


def written(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros(2, 3)
    y[0] = x[0]
    return x * 2 if y.sum() > 1 else x


def listed(x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros(2, 3)
    y[0] = x[0]
    return x * len(y.tolist())


def test_few_values_that_the_forward_makes_are_known() -> None:
    assert build(positions) == "copied to meta"


@pytest.mark.parametrize("function", [written, listed])
def test_what_was_written_from_meta_has_no_values(function: Any) -> None:
    """The tensor on the CPU still holds zeros, and they must not decide."""
    assert build(function).startswith("real tensors")


def test_many_values_take_no_memory() -> None:
    start = time.process_time()
    assert build(lambda x: torch.ones(60_000, 60_000)[:2, :3] + x) == "copied to meta"
    mask = torch.arange(1000)
    assert build(lambda x: (mask[:, None, None] == mask[:, None])[..., :2, 0].sum() + x)
    assert time.process_time() - start < 5  # 14 GB of ones alone take longer


def test_a_kernel_refuses_in_its_own_words_without_memory() -> None:
    wide = torch.empty(2, 10**9, device="meta")
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        complain(torch.ops.aten.mm.default, (wide, wide), {})
    rows, columns = (torch.empty(shape, device="meta") for shape in ((2, 3), (3, 2)))
    complain(torch.ops.aten.mm.default, (rows, columns), {})


class Held:
    """What a frame holds."""


def test_an_import_in_a_kernel_does_not_hold_the_tensors_of_the_forward(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch._dynamo", types.ModuleType("torch._dynamo"))
    monkeypatch.delitem(sys.modules, "torch._dynamo")

    def kernel() -> None:
        frame = inspect.currentframe()  # a circle, as in torch.fx.wrap
        assert frame is not None
        sys.modules["torch._dynamo"] = types.ModuleType("torch._dynamo")

    def forward() -> Any:
        held = Held()
        moved(kernel, (), {}, [torch.empty(1, device="meta")])
        return weakref.ref(held)

    gc.disable()
    try:
        assert forward()() is None
    finally:
        gc.enable()
