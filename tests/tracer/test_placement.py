"""Where operators run on meta, and what their first call leaves behind."""

import gc
import inspect
import sys
import types
import weakref
from typing import Any

import pytest
import torch
from tracing import meta, traced

from archlab.tracer.placement import FEW, moved


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
        moved(kernel, (), {}, [meta(1)])
        return weakref.ref(held)

    gc.disable()
    try:
        assert forward()() is None
    finally:
        gc.enable()


def test_what_a_forward_makes_itself_is_not_allocated() -> None:
    """60,000 × 60,000 numbers are 14 GB."""
    graph = traced(lambda x: x + torch.ones(60_000, 60_000)[0, :4], meta(4))
    assert max(graph.storages) == 60_000**2 * 4


def test_few_elements_keep_their_values() -> None:
    graph = traced(lambda x: x[torch.arange(4).tolist()], meta(4))
    assert graph.shape(graph.outputs[0]) == (4,)
    assert FEW < 60_000**2
