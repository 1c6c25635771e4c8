"""What the units of one axis see of the input: an affine interval, its exact taps, and a table.

Affine: unit j sees inputs S·j + lo … S·j + hi, at any input size; `taps` is a bit mask of those
it really sees, counted from lo. Table: the same for each unit of this input size, clipped to the
image, exact also where the affine form is only a bound (up-sampling, windows, uneven bins).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.int64]
NOTHING = np.iinfo(np.int64).max // 4  # lo of a unit that sees nothing; its hi is minus that


@dataclass(frozen=True, slots=True)
class Field:
    """One axis of one tensor; `shortest` is the width along the narrowest path.

    `exact` is False where the affine interval only bounds what a unit sees, or is not even that,
    and `sure` is False where the table, too, only bounds it.
    """

    step: Fraction
    lo: Fraction
    hi: Fraction
    shortest: Fraction
    taps: int | None
    low: Table
    high: Table
    extent: int  # pixels of the image
    exact: bool = True
    sure: bool = True
    grids: frozenset[Fraction] = frozenset()  # steps and window sizes on the way, in pixels

    def __post_init__(self) -> None:
        if self.step not in self.grids:
            object.__setattr__(self, "grids", self.grids | {self.step})

    @property
    def period(self) -> int:
        """Units after which what they see repeats: a unit lies at the same place of every grid."""
        parts = [(grid / self.step).numerator for grid in self.grids if self.step]
        return lcm(*parts) or 1

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

    def span(self, unit: int) -> tuple[int, int] | None:
        """Return the first and the last input that a unit sees; None for one that sees nothing."""
        low, high = int(self.low[unit]), int(self.high[unit])
        return (low, high) if low <= high else None

    @property
    def holes(self) -> int | None:
        """Inputs inside the interval that a unit does not see; None where not tracked."""
        return None if self.taps is None else int(self.width) - self.taps.bit_count()


def image(size: int) -> Field:
    """Return the field of the input itself: unit j sees j."""
    units = np.arange(size, dtype=np.int64)
    one, zero = Fraction(1), Fraction(0)
    return Field(one, zero, zero, one, 1, units, units.copy(), extent=size)


def window(
    field: Field, *, kernel: int, stride: int, padding: int, dilation: int, size: int
) -> Field:
    """Return what a convolution or pooling window of `kernel` taps sees; `size` units come out."""
    reach = field.step * dilation * (kernel - 1)
    before = field.step * padding
    taps = united_taps((field.taps, field.step * dilation * t) for t in range(kernel))
    starts = np.arange(size, dtype=np.int64)[:, None] * stride - padding
    sources = starts + dilation * np.arange(kernel, dtype=np.int64)[None, :]
    low, high = _gather(field, sources)
    return replace(
        field,
        step=field.step * stride,
        lo=field.lo - before,
        hi=field.hi + reach - before,
        shortest=field.shortest + reach,
        taps=taps,
        low=low,
        high=high,
        exact=field.exact and not _misses(field, sources),
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
    return replace(
        field,
        step=step,
        lo=field.lo + step * (padding - reach),
        hi=field.hi + step * padding,
        taps=field.taps if stride == 1 and kernel == 1 else None,
        low=low,
        high=high,
        exact=field.exact and stride == 1 and not _misses(field, sources),
    )


def cropped(field: Field, start: int, step: int, size: int) -> Field:
    """Return every `step`-th unit from `start`."""
    at = start + step * np.arange(size, dtype=np.int64)
    low, high = _gather(field, at[:, None])
    shift = field.step * start
    return replace(
        field, step=field.step * step, lo=field.lo + shift, hi=field.hi + shift, low=low, high=high
    )


def padded(field: Field, before: int, size: int, mode: str = "constant") -> Field:
    """Return the field with `before` units in front, `size` in all; the new ones copy others.

    They see nothing in mode "constant", the border unit in mode "replicate", and the unit as far
    from the border on its other side in mode "reflect".
    """
    at = np.arange(size, dtype=np.int64) - before
    last = field.size - 1
    if mode == "replicate":
        at = at.clip(0, last)
    elif mode == "reflect":
        at = last - np.abs(last - np.abs(at))
    low, high = _gather(field, at[:, None])
    shift = field.step * before
    exact = field.exact and not _misses(field, np.arange(size) - before)
    return replace(field, lo=field.lo - shift, hi=field.hi - shift, low=low, high=high, exact=exact)


def repeated(field: Field, size: int) -> Field:
    """Return the field of one unit that is repeated to `size` units, which all see the same."""
    return replace(
        field,
        step=Fraction(0),
        low=np.repeat(field.low, size),
        high=np.repeat(field.high, size),
    )


def mirrored(field: Field) -> Field:
    """Return the field in the opposite order; the affine form keeps its size alone."""
    return replace(field, low=field.low[::-1], high=field.high[::-1], taps=None, exact=False)


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


def between(field: Field, first: Table, last: Table) -> tuple[Table, Table]:
    """First and last input of the units from `first` to `last`, the few between them included."""
    most = int((last - first).max(initial=0)) + 1
    return _gather(field, np.minimum(first[:, None] + np.arange(most), last[:, None]))


def tiled(field: Field, side: int) -> Field:
    """Return what windows of `side` units see that lie beside each other."""
    size = field.size // side
    return window(field, kernel=side, stride=side, padding=0, dilation=1, size=size)


def binned(field: Field, size: int) -> Field:
    """Return the field after adaptive pooling to `size` bins."""
    if field.size % size == 0:
        return tiled(field, field.size // size)
    # torch's bins: from ⌊i·n/size⌋ up to ⌈(i+1)·n/size⌉; neighbours may overlap.
    units = np.arange(size, dtype=np.int64)
    first, last = units * field.size // size, -(-(units + 1) * field.size // size) - 1
    low, high = between(field, first, last)
    stride = Fraction(field.size, size)
    widest = int((last - first).max()) + 1
    return replace(
        field,
        step=field.step * stride,
        lo=field.lo - field.step,
        hi=field.hi + field.step * widest,
        shortest=field.shortest + field.step * (widest - 1),
        taps=None,
        low=low,
        high=high,
        exact=False,
    )


def mixed(field: Field, size: int, stride: int) -> Field:
    """Return the field after groups of `size` units, `stride` apart, saw each other (windows)."""
    units = np.arange(field.size, dtype=np.int64)
    groups = units - (units // stride) % size * stride
    low = np.full(field.size, NOTHING, dtype=np.int64)
    high = np.full(field.size, -NOTHING, dtype=np.int64)
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
        grids=field.grids | {field.step * size * stride},
    )


def union(fields: Sequence[Field]) -> Field:
    """Return what any of the fields sees; their steps agree."""
    # Steps that differ would bound nothing: the caller keeps the table alone then.
    first = fields[0]
    if len(fields) == 1:
        return first
    lo, hi = min(field.lo for field in fields), max(field.hi for field in fields)
    return replace(
        first,
        lo=lo,
        hi=hi,
        shortest=min(field.shortest for field in fields),
        taps=united_taps((field.taps, field.lo - lo) for field in fields),
        low=np.minimum.reduce([field.low for field in fields]),
        high=np.maximum.reduce([field.high for field in fields]),
        exact=all(field.exact for field in fields),
        sure=all(field.sure for field in fields),
        grids=frozenset().union(*(field.grids for field in fields)),
    )


def _gather(field: Field, sources: Table) -> tuple[Table, Table]:
    """First and last input over each row of source units; sources outside see nothing."""
    # Padding has no source: it must neither lower the minimum nor raise the maximum.
    inside = (sources >= 0) & (sources < field.size)
    at = np.where(inside, sources, 0)
    low = np.where(inside, field.low[at], NOTHING).min(axis=1)
    high = np.where(inside, field.high[at], -NOTHING).max(axis=1)
    return low, high


def _misses(field: Field, sources: Table) -> bool:
    """Whether sources beyond the border would be pixels of the image, by the affine form.

    So it is behind a crop: padding has taken their place.
    """
    beyond = [-1] * bool(sources.min() < 0) + [field.size] * bool(sources.max() >= field.size)
    return any(
        field.step * unit + field.lo >= 0 and field.step * unit + field.hi < field.extent
        for unit in beyond
    )


def united_taps(parts: Iterable[tuple[int | None, Fraction]]) -> int | None:
    """Return the taps of all parts, each moved by so many pixels; None where they are unknown."""
    union = 0
    for taps, shift in parts:
        # After up-sampling a step is a fraction of a pixel, and no bit stands for that.
        if taps is None or shift.denominator != 1:
            return None
        union |= taps << int(shift)
    return union
