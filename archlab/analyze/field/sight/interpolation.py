"""Which units an interpolated one is made of, as torch's kernels choose them.

They are those of aten/src/ATen/native/UpSample.h and, with antialiasing, UpSampleKernel.cpp.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np

from archlab.analyze.field.sight.field import Field, Table, between
from archlab.ir.kinds import ResampleAttrs


def resampled(field: Field, size: int, how: ResampleAttrs, axis: int = 0) -> Field:
    """Return the field after interpolation to `size` units.

    The affine form is exact where the factor is a whole number of units, and else a bound. `axis`
    counts the spatial axes of the tensor, in whose order the factors are given.
    """
    given = how.scales[axis] if how.scales else None
    # Sizes are rounded: where the model gave a factor, torch does not use output ÷ input.
    ratio = 1 / given if given else field.size / size
    first, last = _neighbours(field.size, size, ratio, how)
    if size == field.size and (first == last).all() and (first == np.arange(size)).all():
        return field
    low, high = between(field, first, last)
    move = Fraction(ratio).limit_denominator(1 << 16)
    if how.align_corners:
        move = Fraction(field.size - 1, max(size - 1, 1))
    regular = _regular(first, last, move, field.size)
    before, after = regular or _bounds(move, how)
    nearest = how.mode == "nearest"
    return replace(
        field,
        step=field.step * move,
        lo=field.lo + field.step * before,
        hi=field.hi + field.step * after,
        taps=field.taps if regular and before == after else None,
        low=low,
        high=high,
        exact=field.exact and regular is not None,
        sure=field.sure and not (nearest and (first != last).any()),
    )


def _bounds(move: Fraction, how: ResampleAttrs) -> tuple[Fraction, Fraction]:
    """Return between which units, counted from move × i, output i finds its neighbours."""
    half, reach = Fraction(1, 2), 2 if how.mode == "cubic" else 1
    if how.mode == "nearest":
        at = move * half if how.centred else Fraction(0)
        # Rounding down takes at most all but one of the parts that a unit has.
        parts = move.denominator * (2 if how.centred else 1)
        return at - Fraction(parts - 1, parts), at
    if how.antialias:
        support = reach * max(move, Fraction(1))
        return move * half - support - half, move * half + support - half
    at = Fraction(0) if how.align_corners else move * half - half
    return at - reach, at + reach


def _regular(
    first: Table, last: Table, move: Fraction, size_in: int
) -> tuple[Fraction, Fraction] | None:
    """Return where each output's neighbours begin and end, counted from move × i, if all agree."""
    units = np.arange(len(first))
    inside = (first > 0) & (last < size_in - 1)
    if move.denominator != 1 or not inside.any():
        return None
    before, after = (table[inside] - int(move) * units[inside] for table in (first, last))
    if np.ptp(before) or np.ptp(after):
        return None
    return Fraction(int(before[0])), Fraction(int(after[0]))


def _neighbours(size_in: int, size: int, ratio: float, how: ResampleAttrs) -> tuple[Table, Table]:
    """Return the first and the last unit that each output is made of."""
    units = np.arange(size, dtype=np.float64)
    reach = 2 if how.mode == "cubic" else 1
    if how.mode == "nearest":
        half = 0.5 if how.centred else 0.0
        # Rounded in single precision there, whatever the dtype.
        position = (units + half).astype(np.float32) * np.float32(ratio)
        first = last = np.floor(position).astype(np.int64)
        # Its two-dimensional kernel ignores a given factor where a size stays or is doubled; of the
        # three-dimensional ones, the one for channels last does.
        if len(how.scales) > 1 and not how.centred and size in (size_in, 2 * size_in):
            plain = units.astype(np.int64) // (size // size_in)
            volume = len(how.scales) == 3
            first = np.minimum(first, plain) if volume else plain
            last = np.maximum(last, plain) if volume else plain
    elif size == size_in and (how.mode == "linear" or how.antialias):
        first = last = units.astype(np.int64)  # whatever factor was given
    elif how.antialias:
        if how.align_corners:
            ratio = (size_in - 1) / max(size - 1, 1)
        centre, support = ratio * (units + 0.5), reach * max(ratio, 1.0)
        first = np.floor(centre - support + 0.5 + 1e-6).astype(np.int64)
        last = np.floor(centre + support + 0.5 - 1e-6).astype(np.int64) - 1
    else:
        position = ratio * (units + 0.5) - 0.5
        if how.align_corners:
            position = units * (size_in - 1) / max(size - 1, 1)
        if how.mode == "linear":
            position = position.clip(0.0)
        # A position that meets a unit exactly reads that unit alone.
        floor = np.floor(position + 1e-6).astype(np.int64)
        split = np.abs(position - floor) > 1e-6
        first = np.where(split, floor - (reach - 1), floor)
        last = np.where(split, floor + reach, floor)
    return first.clip(0, size_in - 1), last.clip(0, size_in - 1)
