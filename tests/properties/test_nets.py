"""Random nets: what archlab says of each is what a real forward and backward pass say.

`nox -s fuzz` draws thousands of other ones; a fault becomes a case of its own where it lies.
"""

from __future__ import annotations

from typing import Any

import oracles
import pytest
import torch
from hypothesis import given
from nets import PROPERTY, nets
from torch import nn

import archlab

RANKS = {"sequences": 1, "images": 2, "volumes": 3, "tokens": 0}


def equal(before: Any, after: Any) -> bool:
    if isinstance(before, torch.Tensor):
        return torch.equal(before, after)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(map(equal, before, after))
    return bool(before == after)


def differences(net: nn.Module, x: torch.Tensor) -> list[str]:
    """Return each number of archlab that is called complete and differs from the measured one."""
    before = oracles.state(net)
    model = archlab.load(net, input=x)
    params, flops = archlab.params(model), archlab.flops(model)
    train, memory = archlab.flops(model, mode="train"), archlab.memory(model)
    untouched = equal(before, oracles.state(net))
    pairs = {"untouched": (untouched, True, True)}
    pairs["params"] = params.totals.params, sum(p.numel() for p in net.parameters()), True
    pairs["bytes"] = params.totals.bytes, oracles.weight_bytes(net), True
    counted = flops.status == "complete"
    pairs["macs"] = flops.totals.macs, oracles.macs(net, x), counted
    forward, backward = oracles.train_macs(net, x)
    counted = train.status == "complete"
    pairs["train macs"] = train.totals.macs, forward, counted
    pairs["backward macs"] = train.totals.backward_macs, backward, counted
    counted = memory.status == "complete" and not oracles.allocates_otherwise(net)
    pairs["saved"] = memory.totals.saved_for_backward, oracles.saved_bytes(net, x), counted
    peak, alive = memory.totals.eager_peak, oracles.live_peak(net, x)
    near = abs(peak - alive) <= 0.05 * alive
    pairs["eager peak"] = peak, alive if not near else peak, counted
    pairs["lower bound"] = memory.totals.inference_peak <= peak, True, True
    shown = [(row.path, row.output_shape) for row in archlab.shapes(model).rows]
    pairs["shapes"] = sorted(shown), sorted(oracles.shown(net, x)), True
    return [
        f"{name}: {said} said, {real} measured"
        for name, (said, real, complete) in pairs.items()
        if complete and said != real
    ]


@pytest.mark.filterwarnings("ignore")  # torch's own, of what is drawn
@pytest.mark.parametrize("rank", RANKS.values(), ids=RANKS)
def test_numbers_are_those_of_a_real_run(rank: int) -> None:
    @PROPERTY
    @given(nets(rank))
    def holds(drawn: tuple[nn.Module, torch.Tensor]) -> None:
        net, x = drawn
        assert differences(net, x) == []

    holds()
