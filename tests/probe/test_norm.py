"""Norms that float32 cannot hold."""

from __future__ import annotations

import math

import pytest
import torch

from archlab.probe.norm import norm


def test_norms_below_the_reach_of_float32_are_not_zero() -> None:
    tiny = torch.full((4,), 1e-30)
    assert float(tiny.norm()) == 0 or math.isclose(float(tiny.norm()), 2e-30, rel_tol=1e-5)
    assert norm(tiny) == pytest.approx(2e-30, rel=1e-6)
