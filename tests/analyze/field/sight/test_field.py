"""Intervals, taps and tables of one axis, against numbers worked out by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.interpolation import resampled
from archlab.ir.kinds import ResampleAttrs


def conv(field: fields.Field, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1):
    size = (field.size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return fields.window(
        field, kernel=kernel, stride=stride, padding=padding, dilation=dilation, size=size
    )


def test_two_convolutions_by_hand() -> None:
    # 3/2 pad 1 then 3/1 pad 1: width 3 + 2·2 = 7, jump 2, unit 0 starts at −1 − 2 = −3.
    field = conv(conv(fields.image(32), 3, 2, 1), 3, 1, 1)
    assert (field.width, field.step, field.lo) == (7, 2, -3)
    assert field.centre == 0
    assert field.holes == 0
    assert (field.low[0], field.high[0]) == (0, 3)  # cut at the border
    assert (field.low[5], field.high[5]) == (7, 13)  # 2·5 − 3 … + 6


def test_dilation_leaves_holes() -> None:
    # Three 3-tap windows, dilation 2: 13 wide, only even offsets: 7 taps, 6 holes.
    field = fields.image(64)
    for _ in range(3):
        field = conv(field, 3, 1, 2, 2)
    assert (field.width, field.holes) == (13, 6)


def test_hybrid_dilation_fills_them() -> None:
    field = fields.image(64)
    for dilation in (1, 2, 4, 8):
        field = conv(field, 3, 1, dilation, dilation)
    assert (field.width, field.holes) == (31, 0)


def test_union_is_wider_than_either_when_centres_differ() -> None:
    # [−2, 2] joined with [0, 4] is 7 wide, not 5; the shortest path stays 5.
    base = fields.image(32)
    left = conv(base, 5, 1, 2)
    right = fields.cropped(fields.padded(conv(base, 5, 1, 2), 0, 34), 2, 1, 32)
    joined = fields.union([left, right])
    assert (joined.lo, joined.hi, joined.width, joined.shortest) == (-2, 4, 7, 5)


def test_transposed_convolution_has_phases() -> None:
    # 2/2 windows then 2/2 transposed: every output unit sees the two pixels of its pair.
    down = conv(fields.image(16), 2, 2)
    up = fields.transposed(down, kernel=2, stride=2, padding=0, dilation=1, size=16)
    assert not up.exact
    assert [tuple(pair) for pair in zip(up.low[4:8], up.high[4:8], strict=True)] == [
        (4, 5), (4, 5), (6, 7), (6, 7),
    ]  # fmt: skip


def test_nearest_and_linear_resampling() -> None:
    down = conv(fields.image(16), 2, 2)
    nearest = resampled(down, 16, ResampleAttrs("nearest"))
    assert list(nearest.low[:4]) == [0, 0, 2, 2]
    linear = resampled(down, 16, ResampleAttrs("linear"))
    # Output 5 lies at (5 + ½)/2 − ½ = 2.25: between units 2 and 3, pixels 4 to 7.
    assert (linear.low[5], linear.high[5]) == (4, 7)
    assert linear.step == Fraction(1)


def test_uneven_bins() -> None:
    # 7 units in 3 bins, as adaptive pooling cuts them: 0-2, 2-4, 4-6.
    field = fields.binned(fields.image(7), 3)
    assert list(field.low) == [0, 2, 4]
    assert list(field.high) == [2, 4, 6]
    assert not field.exact


def test_windows_mix_their_members() -> None:
    field = fields.mixed(fields.image(8), 4, 1)
    assert list(field.low) == [0] * 4 + [4] * 4
    assert list(field.high) == [3] * 4 + [7] * 4
    grid = fields.mixed(fields.image(8), 2, 4)  # units four apart
    assert list(grid.low) == [0, 1, 2, 3] * 2
    assert list(grid.high) == [4, 5, 6, 7] * 2


def test_roll_wraps_in_the_table() -> None:
    assert list(fields.rolled(fields.image(4), -1).low) == [1, 2, 3, 0]


def test_tables_equal_brute_force() -> None:
    rng = np.random.default_rng(0)
    for _ in range(60):
        size, kernel, stride = (int(rng.integers(a, b)) for a, b in ((12, 30), (1, 5), (1, 4)))
        dilation, padding = int(rng.integers(1, 3)), int(rng.integers(0, 3))
        if size + 2 * padding < dilation * (kernel - 1) + 1:
            continue
        padding = min(padding, dilation * (kernel - 1))
        field = conv(fields.image(size), kernel, stride, padding, dilation)
        for unit in range(field.size):
            taps = [unit * stride - padding + dilation * t for t in range(kernel)]
            inside = [tap for tap in taps if 0 <= tap < size]
            if inside:
                assert (field.low[unit], field.high[unit]) == (min(inside), max(inside))


def test_image_sees_itself() -> None:
    field = fields.image(4)
    assert (field.width, field.holes, field.size) == (1, 0, 4)
    with pytest.raises(AttributeError):
        field.step = Fraction(2)  # type: ignore[misc]
