"""Receptive fields of random nets: the pixels at which a gradient in float64 is not 0.

All weights are 1, so that nothing cancels.
"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from nets import PROPERTY, fields
from torch import nn

import archlab
from archlab.analyze.field.sight import sights
from archlab.analyze.field.sight.sight import NAMES
from archlab.ir.graph import Graph

Span = tuple[int, int] | None


def reached(net: nn.Module, x: torch.Tensor) -> list[Span]:
    """Return for each axis first and last pixel that the central unit of the output sees."""
    x = x.double().requires_grad_()
    y = net.double().eval()(x)
    spans: list[Span] = []
    for axis in range(2, x.dim()):
        central = y.select(axis, y.shape[axis] // 2).sum()
        (gradient,) = torch.autograd.grad(central, x, retain_graph=True)
        at = gradient.nonzero()[:, axis]
        spans.append((int(at.min()), int(at.max())) if len(at) else None)
    return spans


def predicted(graph: Graph, rank: int) -> list[Span]:
    """Return the same from the tables of archlab; nothing where no layer tells the axes apart."""
    sight = sights(graph)[0][graph.outputs[0]]
    axes = {1: "t", 2: "hw", 3: "thw"}[rank]
    fields = [sight.axes[NAMES.index(name)] for name in axes]
    present = [field for field in fields if field is not None]
    if len(present) < rank:
        return []
    # Along the other axes a gradient comes from all units: where none sees anything, there is none.
    blind = any((field.low > field.high).all() for field in present)
    return [None if blind else field.span(field.size // 2) for field in present]


@pytest.mark.filterwarnings("ignore")  # torch's own, of what is drawn
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_the_central_unit_sees_what_gradients_reach(rank: int) -> None:
    @PROPERTY
    @given(fields(rank))
    def holds(drawn: tuple[nn.Module, torch.Tensor]) -> None:
        net, x = drawn
        model = archlab.load(net, input=x)
        result = archlab.receptive_field(model)
        row = result.rows[0]
        # What sees the whole image, such as a gate, is left aside, and named.
        if result.status == "complete" and row.exact and not row.global_from:
            spans = predicted(model.trace(), rank)
            assert not spans or spans == reached(net, x)

    holds()
