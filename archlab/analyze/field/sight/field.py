"""What the units of one axis see of the input: an affine interval, its exact taps, and a table.

Affine: unit j sees inputs S·j + lo … S·j + hi, at any input size; `taps` is a bit mask of those
it really sees, counted from lo. Table: the same for each unit of this input size, clipped to the
image, exact also where the affine form is only a bound (up-sampling, windows, uneven bins).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]
_NOTHING = np.iinfo(np.int64).max // 4  # lo of a unit that sees nothing; its hi is minus that


@dataclass(frozen=True, slots=True)
class Field:
    """One axis of one tensor; `shortest` is the width along the narrowest path.

    `exact` is False where the affine interval only bounds what a unit sees.
    """

    step: Fraction
    lo: Fraction
    hi: Fraction
    shortest: Fraction
    taps: int | None
    low: Table
    high: Table
    exact: bool = True

    @property
    def width(self) -> Fraction:
        """Inputs from the first to the last that a unit sees."""
        return self.hi - self.lo + 1

    @property
    def centre(self) -> Fraction:
        """Centre of unit 0."""
        return (self.lo + self.hi) / 2

    @property
    def size(self) -> int:
        """Number of units."""
        return len(self.low)

    @property
    def holes(self) -> int | None:
        """Inputs inside the interval that a unit does not see; None where not tracked."""
        return None if self.taps is None else int(self.width) - self.taps.bit_count()


def image(size: int) -> Field:
    """Return the field of the input itself: unit j sees j."""
    units = np.arange(size, dtype=np.int64)
    return Field(Fraction(1), Fraction(0), Fraction(0), Fraction(1), 1, units, units.copy())


def window(
    field: Field, *, kernel: int, stride: int, padding: int, dilation: int, size: int
) -> Field:
    """Return what a convolution or pooling window of `kernel` taps sees; `size` units come out."""
    reach = field.step * dilation * (kernel - 1)
    before = field.step * padding
    taps = _taps((field.taps, field.step * dilation * t) for t in range(kernel))
    starts = np.arange(size, dtype=np.int64)[:, None] * stride - padding
    low, high = _gather(field, starts + dilation * np.arange(kernel, dtype=np.int64)[None, :])
    return Field(
        step=field.step * stride,
        lo=field.lo - before,
        hi=field.hi + reach - before,
        shortest=field.shortest + reach,
        taps=taps,
        low=low,
        high=high,
        exact=field.exact,
    )


def transposed(
    field: Field, *, kernel: int, stride: int, padding: int, dilation: int, size: int
) -> Field:
    """Return what a transposed convolution sees."""
    # Output i reads inputs (i + p − d·t) ÷ s, where that is a whole number.
    taps = np.arange(kernel, dtype=np.int64)[None, :] * dilation
    above = np.arange(size, dtype=np.int64)[:, None] + padding - taps
    sources = np.where(above % stride == 0, above // stride, -1)
    low, high = _gather(field, sources)
    reach = dilation * (kernel - 1)
    step = field.step / stride
    return Field(
        step=step,
        lo=field.lo + step * (padding - reach),
        hi=field.hi + step * padding,
        shortest=field.shortest,
        taps=field.taps if stride == 1 and kernel == 1 else None,
        low=low,
        high=high,
        exact=field.exact and stride == 1,
    )


def cropped(field: Field, start: int, step: int, size: int) -> Field:
    """Return every `step`-th unit from `start`."""
    at = start + step * np.arange(size, dtype=np.int64)
    low, high = _gather(field, at[:, None])
    shift = field.step * start
    return replace(
        field, step=field.step * step, lo=field.lo + shift, hi=field.hi + shift, low=low, high=high
    )


def padded(field: Field, before: int, size: int) -> Field:
    """Return the field with `before` units that see nothing in front, `size` in all."""
    at = np.arange(size, dtype=np.int64) - before
    low, high = _gather(field, at[:, None])
    shift = field.step * before
    return replace(field, lo=field.lo - shift, hi=field.hi - shift, low=low, high=high)


def rolled(field: Field, shift: int) -> Field:
    """Return the field cyclically shifted; the affine form leaves out the wrap-around."""
    moved = field.step * shift
    return replace(
        field,
        lo=field.lo - moved,
        hi=field.hi - moved,
        low=np.roll(field.low, shift),
        high=np.roll(field.high, shift),
    )


def resampled(field: Field, size: int, mode: str, *, align_corners: bool) -> Field:
    """Return the field after interpolation to `size` units; linear and cubic are bounds."""
    # Where torch's `interpolate` puts the centres of the outputs, in units of the input.
    factor = Fraction(size, field.size)
    units = np.arange(size, dtype=np.float64)
    if align_corners and size > 1:
        position = units * (field.size - 1) / (size - 1)
    else:
        position = (units + 0.5) / float(factor) - 0.5
    if mode == "nearest":
        first = last = np.minimum((units / float(factor) + 1e-9).astype(np.int64), field.size - 1)
    else:
        # Linear mixes the two neighbours, cubic one more on each side; a position that meets a
        # unit exactly reads that unit alone.
        around = 1 if mode == "cubic" else 0
        floor = np.floor(np.maximum(position, 0.0) + 1e-9).astype(np.int64)
        split = np.abs(np.maximum(position, 0.0) - floor) > 1e-6
        first, last = floor - around, np.where(split, floor + 1 + around, floor)
        first, last = (np.clip(item, 0, field.size - 1) for item in (first, last))
    low = np.minimum(field.low[first], field.low[last])
    high = np.maximum(field.high[first], field.high[last])
    step = field.step / factor
    slack = field.step - step if mode == "nearest" else field.step * (2 if mode == "cubic" else 1)
    return Field(
        step=step,
        lo=field.lo - slack,
        hi=field.hi if mode == "nearest" else field.hi + slack,
        shortest=field.shortest,
        taps=field.taps if factor == 1 and mode == "nearest" else None,
        low=low,
        high=high,
        exact=field.exact and factor == 1 and mode == "nearest",
    )


def tiled(field: Field, side: int) -> Field:
    """Return what windows of `side` units see that lie beside each other."""
    size = field.size // side
    return window(field, kernel=side, stride=side, padding=0, dilation=1, size=size)


def binned(field: Field, size: int) -> Field:
    """Return the field after adaptive pooling to `size` bins."""
    if field.size % size == 0:
        return tiled(field, field.size // size)
    # torch's bins: from ⌊i·n/size⌋ up to ⌈(i+1)·n/size⌉; neighbours may overlap.
    starts = [(i * field.size) // size for i in range(size)]
    ends = [-((-(i + 1) * field.size) // size) for i in range(size)]
    widest = max(end - start for start, end in zip(starts, ends, strict=True))
    stride = Fraction(field.size, size)
    return Field(
        step=field.step * stride,
        lo=field.lo - field.step,
        hi=field.hi + field.step * widest,
        shortest=field.shortest + field.step * (widest - 1),
        taps=None,
        low=np.array([field.low[a:b].min() for a, b in zip(starts, ends, strict=True)]),
        high=np.array([field.high[a:b].max() for a, b in zip(starts, ends, strict=True)]),
        exact=False,
    )


def mixed(field: Field, size: int, stride: int) -> Field:
    """Return the field after groups of `size` units, `stride` apart, saw each other (windows)."""
    units = np.arange(field.size, dtype=np.int64)
    groups = units - (units // stride) % size * stride
    low = np.full(field.size, _NOTHING, dtype=np.int64)
    high = np.full(field.size, -_NOTHING, dtype=np.int64)
    np.minimum.at(low, groups, field.low)
    np.maximum.at(high, groups, field.high)
    reach = field.step * stride * (size - 1)
    return replace(
        field,
        lo=field.lo - reach,
        hi=field.hi + reach,
        taps=field.taps if size == 1 else None,
        low=low[groups],
        high=high[groups],
        exact=field.exact and size == 1,
    )


def union(fields: Sequence[Field]) -> Field:
    """Return what any of the fields sees; their steps agree."""
    # Steps that differ would bound nothing: the caller keeps the table alone then.
    first = fields[0]
    if len(fields) == 1:
        return first
    lo, hi = min(field.lo for field in fields), max(field.hi for field in fields)
    return Field(
        step=first.step,
        lo=lo,
        hi=hi,
        shortest=min(field.shortest for field in fields),
        taps=_taps((field.taps, field.lo - lo) for field in fields),
        low=np.minimum.reduce([field.low for field in fields]),
        high=np.maximum.reduce([field.high for field in fields]),
        exact=all(field.exact for field in fields),
    )


def _gather(field: Field, sources: Table) -> tuple[Table, Table]:
    """First and last input over each row of source units; sources outside see nothing."""
    # Padding has no source: it must neither lower the minimum nor raise the maximum.
    inside = (sources >= 0) & (sources < field.size)
    at = np.where(inside, sources, 0)
    low = np.where(inside, field.low[at], _NOTHING).min(axis=1)
    high = np.where(inside, field.high[at], -_NOTHING).max(axis=1)
    return low, high


def _taps(parts: Iterable[tuple[int | None, Fraction]]) -> int | None:
    """Return the taps of all parts, each moved by so many pixels; None where they are unknown."""
    union = 0
    for taps, shift in parts:
        # After up-sampling a step is a fraction of a pixel, and no bit stands for that.
        if taps is None or shift.denominator != 1:
            return None
        union |= taps << int(shift)
    return union
