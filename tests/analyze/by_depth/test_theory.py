"""What theory predicts, against the values of the papers."""

from __future__ import annotations

import math

import pytest

from archlab.analyze.by_depth.theory import Facts, theory


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(2, residual=False, norm="batch", relu=True, gain=2), math.pi / (math.pi - 1)),
        (Facts(2, residual=False, norm="none", relu=True, gain=2), 1),
        (Facts(2, residual=False, norm="none", relu=True, gain=1), 0.5),
        (Facts(2, residual=False, norm="none", relu=True, gain=1 / 3), 1 / 6),
        (Facts(1, residual=False, norm="none", relu=True, gain=1), math.sqrt(0.5)),
        (Facts(2, residual=True, norm="none", relu=True, gain=2), math.sqrt(2)),
        (Facts(2, residual=True, norm="batch", relu=True, gain=2, silent=True), 1),
        (Facts(2, residual=True, norm="batch", relu=True, gain=2), None),
        (Facts(2, residual=False, norm="other", relu=True, gain=2), None),
        (Facts(2, residual=False, norm="batch", relu=False, gain=2), None),
        (Facts(2, residual=False, norm="batch", relu=True, gain=None), None),
    ],
)
def test_theory_of_the_literature(facts, expected) -> None:
    """gradients.json `_meta.theory` has the same values."""
    found = theory(facts).growth
    assert found == (None if expected is None else pytest.approx(expected))
