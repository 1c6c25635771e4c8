"""Growth per block and verdicts, on numbers written by hand."""

from __future__ import annotations

import math

import pytest

from archlab.analyze.by_depth.growth import growth, verdict
from archlab.analyze.by_depth.theory import Theory


def test_growth_inside_stages() -> None:
    """×3 a block in both stages, whatever happens between them; stem and last block left out."""
    values, numbers = [1e9, 900.0, 300.0, 100.0, 7.0, 7 / 3, 1e-9], [0, 1, 1, 1, 2, 2, 2]
    assert growth(values, numbers) == pytest.approx(3)
    assert growth([1.0, 2.0], [0, 1]) is None
    assert growth([1.0, 8.0, None, 2.0, 0.0, 1.0], [0, 1, 1, 1, 1, 1]) == pytest.approx(2)


@pytest.mark.parametrize(
    ("ratio", "factor", "said", "words"),
    [
        (1.3e4, 1.43, Theory(1.467, ""), "explodes towards the input, near theory"),
        (0.26, 0.96, Theory(1.0, ""), "about level, near theory"),
        (5e-22, 0.16, Theory(1 / 6, ""), "vanishes towards the input, near theory"),
        (36, 1.15, Theory(None, "", power_law=True), "grows slowly"),
        (0.01, 0.95, Theory(None, ""), "falls slowly towards the input"),
        (9e3, 1.4, Theory(1.0, ""), "explodes towards the input, unlike theory"),
        (2.3, None, Theory(None, ""), "about level"),
        (50, None, Theory(None, ""), "grows towards the input"),
        (None, None, Theory(None, ""), "no ratio"),
        (math.nan, None, Theory(None, ""), "not finite"),
    ],
)
def test_verdicts(ratio, factor, said, words) -> None:
    assert verdict(ratio, factor, said).startswith(words)
