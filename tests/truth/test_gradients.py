"""First ÷ last gradient norm at initialisation against gradients.json, over seeds it never saw."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import archlab

REFERENCE = json.loads((Path(__file__).parent / "gradients.json").read_text())
BOUNDS = {
    name.partition(" ")[0]: tuple(bounds)
    for name, bounds in REFERENCE["ratio_first_over_last"].items()
}
NONE = {"norm": "none"}
FEW = 16  # images, where nothing depends on the reference's batch of 64
# The reference's name -> our net and conditions.
CASES = {
    "plain20_bn": ("plain20", {}),
    "plain56_bn": ("plain56", {}),
    "resnet20_bn": ("resnet20", {}),
    "resnet56_bn": ("resnet56", {}),
    "plain20_nobn": ("plain20", NONE),
    "plain56_nobn": ("plain56", NONE),
    "resnet20_nobn": ("resnet20", NONE),
    "resnet56_nobn": ("resnet56", NONE),
    "plain20_nobn_pytorch_default_init": ("plain20", {**NONE, "init": "default"}),
    "plain56_nobn_pytorch_default_init": ("plain56", {**NONE, "init": "default"}),
    "plain20_nobn_xavier": ("plain20", {**NONE, "init": "xavier"}),
    "resnetN_bn_zero_gamma": ("resnet20", {"init": "zero-gamma"}),
}


def test_every_bound_has_a_case() -> None:
    assert set(CASES) == set(BOUNDS)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if "56" in n else ()) for n in CASES]
)
def test_bounds_hold_over_three_fresh_seeds(name: str) -> None:
    net, conditions = CASES[name]
    answer = archlab.gradients(net, **conditions, seeds=3, seed=1000)
    totals = answer.totals[net]
    low, high = BOUNDS[name]
    assert low <= totals.first_over_last_min <= totals.first_over_last_max <= high
    assert answer.status == "complete"


@pytest.mark.slow
def test_zero_gamma_at_depth_56() -> None:
    low, high = BOUNDS["resnetN_bn_zero_gamma"]
    # A block is the identity, whatever the batch.
    answer = archlab.gradients("resnet56", seeds=3, init="zero-gamma", batch=FEW)
    totals = answer.totals["resnet56"]
    assert low <= totals.first_over_last <= high
    assert totals.growth_per_block == pytest.approx(1.0, abs=1e-6)  # exactly the identity


@pytest.mark.slow
def test_orders_of_the_design_page() -> None:
    """Plain + BN explodes faster with depth; residual + BN is a power law, near the blocks."""
    plain = archlab.gradients("plain20", "plain56", seeds=2, batch=FEW).totals
    assert plain["plain56"].first_over_last > 100 * plain["plain20"].first_over_last
    residual = archlab.gradients("resnet20", "resnet56", seeds=2, batch=FEW).totals
    for net, blocks in (("resnet20", 9), ("resnet56", 27)):
        assert 0.8 * blocks < residual[net].first_over_last < 1.6 * blocks
    assert residual["resnet56"].growth_per_block < residual["resnet20"].growth_per_block


def test_activations_and_weights_can_slope_in_opposite_directions() -> None:
    """ResNet-20 without BN: dL/da larger at the front, dL/dW smaller (design page)."""
    rows = archlab.gradients("resnet20", seeds=1, norm="none", by="layer").rows
    convs = [row for row in rows if "conv" in row.path]
    assert convs[1].activation_grad > 2 * convs[-1].activation_grad
    assert convs[1].weight_grad < convs[-1].weight_grad
