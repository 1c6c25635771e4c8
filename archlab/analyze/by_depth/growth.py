"""How a gradient norm changes towards the input: the factor per block, and in words."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from archlab.analyze.by_depth.theory import Theory

_LEVEL = 10.0  # first ÷ last within this factor is called level
_EXPONENTIAL = 1.2  # growth per block from here on is called exponential


def growth(values: Sequence[float | None], numbers: Sequence[int]) -> float | None:
    """Return the factor per block towards the input, inside stages; None without two in a stage.

    The slope of the logarithm against the block number, one slope for all stages, each stage with
    its own height: what a change of width and map size does is no growth per block. The last block
    is left out: the head's gradient reaches all its units, also those that its ReLU switched off.

    Args:
        values: the norm at each block, from the input to the loss.
        numbers: the stage of each block; stage 0 is left out.

    Example:
        >>> growth([9.0, 4.0, 2.0, 1.0, 1.0], [0, 1, 1, 1, 1])
        2.0
    """
    inside: dict[int, list[tuple[int, float]]] = {}
    for block, (value, stage) in enumerate(zip(values[:-1], numbers[:-1], strict=True)):
        if stage > 0 and value is not None and 0 < value < math.inf:
            inside.setdefault(stage, []).append((block, math.log(value)))
    above = below = 0.0
    for points in inside.values():
        x = statistics.fmean(block for block, _ in points)
        y = statistics.fmean(value for _, value in points)
        above += sum((block - x) * (value - y) for block, value in points)
        below += sum((block - x) ** 2 for block, _ in points)
    return math.exp(-above / below) if below else None


def verdict(ratio: float | None, factor: float | None, said: Theory) -> str:
    """Return in words how the gradient changes on its way to the input.

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
    rate = factor if factor is not None else 1.0  # one block a stage tells no rate
    if 1 / _LEVEL <= ratio <= _LEVEL and 1 / _EXPONENTIAL <= rate <= _EXPONENTIAL:
        words = "about level"
    elif factor is None:
        way = "grows" if ratio > 1 else "falls"
        words = f"{way} towards the input; too few blocks for a rate"
    elif ratio > 1:
        fast = rate >= _EXPONENTIAL and not said.power_law
        words = "explodes towards the input" if fast else "grows slowly towards the input"
    else:
        fast = rate <= 1 / _EXPONENTIAL
        words = "vanishes towards the input" if fast else "falls slowly towards the input"
    if said.power_law:
        return f"{words}, a power law as theory says"
    if said.growth is None or factor is None:
        return words
    near = abs(math.log(factor / said.growth)) < max(0.1, 0.15 * abs(math.log(said.growth)))
    return f"{words}, {'near' if near else 'unlike'} theory"
