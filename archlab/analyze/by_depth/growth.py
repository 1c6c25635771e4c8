"""How a gradient norm changes towards the input: the factor per block, and in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from archlab.analyze.by_depth.theory import Theory

_LEVEL = 10.0  # first ÷ last within this factor is called level
_EXPONENTIAL = 1.2  # growth per block from here on is called exponential


def growth(values: Sequence[float | None], stages: Sequence[int]) -> float | None:
    """Return the factor per block towards the input, inside stages; None without two in a stage.

    `values` are the norms at the blocks, from the input to the loss. Stage 0 is left out.

    Example:
        >>> growth([9.0, 4.0, 2.0, 1.0, 1.0], [0, 1, 1, 1, 1])
        2.0
    """
    points: dict[int, list[tuple[int, float]]] = {}
    # The last block is left out: the head's gradient reaches all of its units, also those that its
    # ReLU switched off.
    for block, (value, stage) in enumerate(zip(values[:-1], stages[:-1], strict=True)):
        if stage > 0 and value is not None and 0 < value < math.inf:
            points.setdefault(stage, []).append((block, math.log(value)))
    # The slope of the logarithm against the block number, by least squares: one slope for all
    # stages, each with a height of its own (its mean is taken off), so that a change of width or of
    # map size does not count as growth.
    covariance = variance = 0.0
    for inside in points.values():
        x = statistics.fmean(block for block, _ in inside)
        y = statistics.fmean(value for _, value in inside)
        covariance += sum((block - x) * (value - y) for block, value in inside)
        variance += sum((block - x) ** 2 for block, _ in inside)
    return math.exp(-covariance / variance) if variance else None


def verdict(ratio: float | None, factor: float | None, theory: Theory) -> str:
    """Return in words how the gradient changes on its way to the input.

    `ratio` is first ÷ last; `factor`, the growth per block, is None where blocks are too few.

    Example:
        >>> verdict(1.3e4, 1.43, Theory(1.467, ""))
        'explodes towards the input, near theory'
        >>> verdict(36.0, 1.13, Theory(None, "", power_law=True))
        'grows slowly towards the input, a power law as theory says'
    """
    if ratio is None:
        return "no ratio: zero, or no gradient arrives"
    if not math.isfinite(ratio):
        return "not finite"
    words = _course(ratio, factor, theory)
    if theory.power_law:
        return f"{words}, a power law as theory says"
    if theory.growth is None or factor is None:
        return words
    # Near is within 15 % of the logarithm of theory's factor, and within e^±0.1 of a factor near 1.
    near = abs(math.log(factor / theory.growth)) < max(0.1, 0.15 * abs(math.log(theory.growth)))
    return f"{words}, {'near' if near else 'unlike'} theory"


def _course(ratio: float, factor: float | None, theory: Theory) -> str:
    # One block a stage tells no rate.
    rate = factor if factor is not None else 1.0
    if 1 / _LEVEL <= ratio <= _LEVEL and 1 / _EXPONENTIAL <= rate <= _EXPONENTIAL:
        return "about level"
    if factor is None:
        way = "grows" if ratio > 1 else "falls"
        return f"{way} towards the input; too few blocks for a rate"
    if ratio > 1:
        # A power law is steep where a net is short, and no explosion all the same.
        fast = rate >= _EXPONENTIAL and not theory.power_law
        return "explodes towards the input" if fast else "grows slowly towards the input"
    fast = rate <= 1 / _EXPONENTIAL
    return "vanishes towards the input" if fast else "falls slowly towards the input"
