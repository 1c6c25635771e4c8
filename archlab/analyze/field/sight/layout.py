"""Where the image's rows and columns live in a tensor: per tensor axis, a row of digits.

A digit is a part of an image axis: flattening h and w puts both into one tensor axis, cutting
windows splits each into (window, place in it). Reshapes and permutations only move digits; when a
reshape cuts one in a way digits cannot say, the layout is lost and the answer becomes partial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

NOWHERE = -1  # a digit that belongs to no image axis: batch, channels, heads


@dataclass(frozen=True, slots=True)
class Digit:
    """`size` values of image axis `axis` (0 = h, 1 = w, 2 = t), `stride` units apart."""

    size: int
    axis: int = NOWHERE
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Axis:
    """A tensor axis: `lead` positions that are not of the image (class tokens), then digits."""

    digits: tuple[Digit, ...]
    lead: int = 0

    @property
    def size(self) -> int:
        """Number of positions."""
        return self.lead + prod(digit.size for digit in self.digits)

    def of(self, image: int) -> list[Digit]:
        """Return the digits that belong to an image axis."""
        return [digit for digit in self.digits if digit.axis == image]

    @property
    def images(self) -> set[int]:
        """The image axes that digits belong to."""
        return {digit.axis for digit in self.digits if digit.axis != NOWHERE}

    @property
    def spatial(self) -> bool:
        """Whether any digit belongs to the image."""
        return bool(self.images)


Layout = tuple[Axis, ...]


def plain(size: int) -> Axis:
    """Return an axis without any part of the image."""
    return Axis((Digit(size),))


def with_axis(layout: Layout, at: int, *axes: Axis) -> Layout:
    """Return the layout with other axes, or none, in the place of one."""
    return (*layout[:at], *axes, *layout[at + 1 :])


def of_input(shape: Sequence[int], images: Mapping[int, int]) -> Layout:
    """Return the layout of an input: `images` says of which image axis each tensor axis is."""
    return tuple(Axis((Digit(n, images.get(i, NOWHERE)),)) for i, n in enumerate(shape))


def pure(axis: Axis) -> int | None:
    """Return the image axis that a tensor axis is the whole of, or None."""
    if axis.lead or len(axis.digits) != 1:
        return None
    digit = axis.digits[0]
    return digit.axis if digit.axis != NOWHERE and digit.stride == 1 else None


def repeated(axis: Axis) -> bool:
    """Whether each place of the image has several positions beside each other in a tensor axis."""
    inside = [digit.axis != NOWHERE for digit in axis.digits if digit.size > 1]
    return any(here and not after for here, after in pairwise(inside))


def reshaped(layout: Layout, shape: Sequence[int]) -> Layout | None:
    """Return the layout in another shape, or None where a digit would be cut unevenly."""
    if any(axis.lead for axis in layout):
        return _with_leads(layout, shape)
    # A stack, the outermost digit on top. Digits of size 1 say nothing and may stand anywhere.
    digits = [digit for axis in layout for digit in axis.digits if digit.size != 1]
    digits.reverse()
    axes: list[Axis] = []
    for size in shape:
        parts: list[Digit] = []
        # What the digits of this axis must still multiply to.
        rest = size
        while rest > 1:
            if not digits:
                return None
            digit = digits.pop()
            if rest % digit.size == 0:
                parts.append(digit)
                rest //= digit.size
            elif digit.size % rest == 0:
                # The digit is cut: its coarse part ends this axis, its fine part begins the next.
                fine = digit.size // rest
                parts.append(Digit(rest, digit.axis, digit.stride * fine))
                digits.append(Digit(fine, digit.axis, digit.stride))
                rest = 1
            else:
                return None
        axes.append(Axis(tuple(parts) or (Digit(1),)))
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


def _with_leads(layout: Layout, shape: Sequence[int]) -> Layout | None:
    """Keep axes with leading tokens whole, and reshape the runs of other axes between them."""
    # Where the next axis of the old shape, and of the new one, begins.
    start, stop = 0, 0
    axes: list[Axis] = []
    while start < len(layout) or stop < len(shape):
        if start < len(layout) and layout[start].lead:
            # An axis of size 1 may be added in front of the tokens.
            if stop < len(shape) and shape[stop] == 1 != layout[start].size:
                axes.append(plain(1))
                stop += 1
                continue
            if stop >= len(shape) or shape[stop] != layout[start].size:
                return None
            axes.append(layout[start])
            start, stop = start + 1, stop + 1
            continue
        end = next((i for i in range(start, len(layout)) if layout[i].lead), len(layout))
        size = prod(axis.size for axis in layout[start:end])
        goal = len(shape)
        if end < len(layout):
            # The run ends where the next axis with tokens begins: its size, after as many elements.
            fits = (i for i in range(stop, len(shape)) if shape[i] == layout[end].size)
            goal = next((i for i in fits if prod(shape[stop:i]) == size), len(shape))
        if prod(shape[stop:goal]) != size:
            return None
        part = reshaped(layout[start:end], shape[stop:goal])
        if part is None:
            return None
        axes.extend(part)
        start, stop = end, goal
    return tuple(axes)
