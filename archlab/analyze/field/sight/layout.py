"""Where the image's rows and columns live in a tensor: per tensor axis, a row of digits.

A digit is a part of an image axis: flattening h and w puts both into one tensor axis, cutting
windows splits each into (window, place in it). Reshapes and permutations only move digits; when a
reshape cuts one in a way digits cannot say, the layout is lost and the answer becomes partial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

NOWHERE = -1  # a digit that belongs to no image axis: batch, channels, heads


@dataclass(frozen=True, slots=True)
class Digit:
    """`size` values of image axis `axis` (0 = h, 1 = w), `stride` units apart."""

    size: int
    axis: int = NOWHERE
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Axis:
    """A tensor axis: `lead` positions that are not of the image (class tokens), then digits."""

    digits: tuple[Digit, ...]
    lead: int = 0

    @property
    def spatial(self) -> bool:
        """Whether any digit belongs to the image."""
        return any(digit.axis != NOWHERE for digit in self.digits)


Layout = tuple[Axis, ...]


def plain(size: int) -> Axis:
    """Return an axis without any part of the image."""
    return Axis((Digit(size),))


def of_image(shape: Sequence[int]) -> Layout:
    """Return the layout of an input (N, C, H, W), (C, H, W), (N, C, L) or (N, C, T, H, W).

    h and w are the last two axes of an image or video; of a sequence the last one is w.
    """
    rank = len(shape)
    first = rank - 2 if rank >= 4 or (rank == 3 and min(shape[1:]) > 1) else rank - 1
    return tuple(
        Axis((Digit(size, i - first + (0 if rank - first == 2 else 1)),))
        if i >= first
        else plain(size)
        for i, size in enumerate(shape)
    )


def pure(axis: Axis) -> int | None:
    """Return the image axis that a tensor axis is the whole of, or None."""
    if axis.lead or len(axis.digits) != 1:
        return None
    digit = axis.digits[0]
    return digit.axis if digit.axis != NOWHERE and digit.stride == 1 else None


def reshaped(layout: Layout, shape: Sequence[int]) -> Layout | None:
    """Return the layout in another shape, or None where a digit would be cut unevenly."""
    old = tuple(prod(digit.size for digit in axis.digits) + axis.lead for axis in layout)
    if any(axis.lead for axis in layout):
        return _with_leads(layout, old, shape)
    digits = [digit for axis in layout for digit in axis.digits if digit.size != 1]
    digits.reverse()  # a stack, the outermost digit on top
    axes: list[Axis] = []
    for size in shape:
        taken: list[Digit] = []
        left = size
        while left > 1:
            if not digits:
                return None
            digit = digits.pop()
            if left % digit.size == 0:
                taken.append(digit)
                left //= digit.size
            elif digit.size % left == 0:
                inner = digit.size // left
                taken.append(Digit(left, digit.axis, digit.stride * inner))
                digits.append(Digit(inner, digit.axis, digit.stride))
                left = 1
            else:
                return None
        axes.append(Axis(tuple(taken) or (Digit(1),)))
    return None if digits else tuple(_merged(axis) for axis in axes)


def _merged(axis: Axis) -> Axis:
    """Join neighbouring digits that continue each other: (8 apart 7) then (7 apart 1) is 56."""
    digits: list[Digit] = []
    for digit in axis.digits:
        last = digits[-1] if digits else None
        if last and last.axis == digit.axis == NOWHERE:
            digits[-1] = Digit(last.size * digit.size)
        elif last and last.axis == digit.axis and last.stride == digit.stride * digit.size:
            digits[-1] = Digit(last.size * digit.size, digit.axis, digit.stride)
        else:
            digits.append(digit)
    return Axis(tuple(digits), axis.lead)


def _with_leads(layout: Layout, old: Sequence[int], shape: Sequence[int]) -> Layout | None:
    """Axes with leading tokens can only be kept whole; runs of others between them are reshaped."""
    start, stop = 0, 0
    result: list[Axis] = []
    while start < len(layout) or stop < len(shape):
        if start < len(layout) and layout[start].lead:
            if stop < len(shape) and shape[stop] == 1 != old[start]:
                result.append(plain(1))
                stop += 1
                continue
            if stop >= len(shape) or shape[stop] != old[start]:
                return None
            result.append(layout[start])
            start, stop = start + 1, stop + 1
            continue
        end = next((i for i in range(start, len(layout)) if layout[i].lead), len(layout))
        want = prod(old[start:end])
        goal = stop
        have = 1
        limit = next(
            (i for i in range(stop, len(shape)) if end < len(layout) and shape[i] == old[end]
             and prod(shape[stop:i]) == want),
            len(shape),
        )  # fmt: skip
        while goal < limit:
            have *= shape[goal]
            goal += 1
        part = reshaped(layout[start:end], shape[stop:goal]) if have == want else None
        if part is None:
            return None
        result.extend(part)
        start, stop = end, goal
    return tuple(result)
