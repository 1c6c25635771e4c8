"""One image axis of a tensor in which parts lie over each other: tables and affine form.

A unit sees what was placed there last. The tables follow from that unit by unit; the affine form
is that of the parts that fill the inside, if it is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from archlab.analyze.field.sight.field import NOTHING, Field, Table, united_taps
from archlab.analyze.field.sight.layout import Axis, plain
from archlab.analyze.field.sight.sight import Sight
from archlab.ir.kinds import Box

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """A value in its box; one without a sight only hides what was there before."""

    sight: Sight | None
    box: Box

    def positions(self, axis: int) -> Table:
        """Positions of the value's units along an axis of the tensor, also outside of it."""
        start, step, size, _ = self.box[axis]
        return start + step * np.arange(size, dtype=np.int64)

    def source(self, axis: int) -> Axis:
        """Return the axis of the value that lies along an axis of the tensor."""
        own = self.box[axis][3]
        assert self.sight is not None
        assert self.sight.layout is not None
        return plain(1) if own < 0 else self.sight.layout[own]

    def fills(self, axis: int, size: int) -> bool:
        """Whether the value covers an axis of the tensor."""
        return self.box[axis][:3] == (0, 1, size)


def visible_parts(parts: Sequence[Part], shape: Sequence[int]) -> tuple[list[Table], Mask]:
    """Return the cell of each position along each axis, and which part is seen in which cells.

    A cell holds the positions that the same boxes cover, so that few cells stand for all.
    """
    cells, covers = [], []
    for i, size in enumerate(shape):
        covered = np.zeros((len(parts), size), dtype=np.bool_)
        for k, part in enumerate(parts):
            at = part.positions(i)
            covered[k, at[(at >= 0) & (at < size)]] = True
        patterns, cell = np.unique(covered, axis=1, return_inverse=True)
        cells.append(cell.reshape(-1))
        covers.append(patterns)
    last = np.full([len(patterns[0]) for patterns in covers], -1)
    for k in range(len(parts)):
        last[np.ix_(*[patterns[k] for patterns in covers])] = k
    return cells, np.stack([last == k for k in range(len(parts))])


def along(visible: Mask, axis: int, others: Sequence[int]) -> Mask:
    """Return parts × cells of an axis × cells of the other image axes."""
    off = tuple(i + 1 for i in range(visible.ndim - 1) if i != axis and i not in others)
    kept: Mask = np.any(visible, axis=off, keepdims=True)
    turned: Mask = np.moveaxis(kept, axis + 1, 1)
    return turned.reshape(*turned.shape[:2], -1)


def overlaid(
    parts: Sequence[Part], image: int, axis: int, size: int, cells: Table, visible: Mask
) -> Field | None:
    """Return the field of one image axis; None where a part has lost that axis."""
    low = np.full((len(parts), size), NOTHING, dtype=np.int64)
    high = -low
    fields: list[Field | None] = []
    for k, part in enumerate(parts):
        field = None if part.sight is None else part.sight.axes[image]
        fields.append(field)
        gate = field is None and part.sight is not None and part.sight.global_from
        # What is hidden all over does not matter, and a gate has no local part.
        if part.sight is None or gate or not visible[k].any():
            continue
        at = part.positions(axis)
        if field is None or field.size != len(at):
            return None
        inside = (at >= 0) & (at < size)
        low[k, at[inside]], high[k, at[inside]] = field.low[inside], field.high[inside]
    seen: Mask = np.any(visible, axis=2)
    seen = seen[:, cells]
    first, last = _hull(low, high, seen)
    sure = all(
        _same(first, last, *_hull(low, high, visible[:, cells, other]))
        for other in range(visible.shape[2])
    )
    lines = [
        _line(field, part.positions(axis), seen[k])
        for k, (field, part) in enumerate(zip(fields, parts, strict=True))
        if field is not None and seen[k].any()
    ]
    return _affine(lines, first, last, sure=sure) if lines else None


def _hull(low: Table, high: Table, seen: Mask) -> tuple[Table, Table]:
    """First and last input over the parts that are seen at each position."""
    return (
        np.where(seen, low, NOTHING).min(axis=0),
        np.where(seen, high, -NOTHING).max(axis=0),
    )


def _same(low: Table, high: Table, other_low: Table, other_high: Table) -> bool:
    """Whether the tables agree wherever the second one sees anything."""
    seeing = other_low <= other_high
    return bool(((low == other_low) & (high == other_high))[seeing].all())


@dataclass(frozen=True, slots=True)
class _Line:
    """The affine form of a part, in positions of the whole tensor, and where it is seen."""

    field: Field
    seen: Mask
    step: Fraction
    lo: Fraction
    hi: Fraction

    def inside(self, lo: Fraction, hi: Fraction) -> Mask:
        """Return the positions whose interval, with other ends, lies within the image."""
        at = float(self.step) * np.arange(len(self.seen))
        return (at + float(lo) >= 0) & (at + float(hi) <= self.field.extent - 1)


def _line(field: Field, positions: Table, seen: Mask) -> _Line:
    start = int(positions[0])
    step = field.step / (int(positions[1]) - start if len(positions) > 1 else 1)
    return _Line(field, seen, step, field.lo - step * start, field.hi - step * start)


def _affine(lines: list[_Line], low: Table, high: Table, *, sure: bool) -> Field:
    """Return the field of the tables, with the affine form that the inside has, or a bound."""
    lines.sort(key=lambda line: -int(line.seen.sum()))
    main, lo, hi = lines[0], lines[0].lo, lines[0].hi
    inner = [main]
    for line in lines[1:]:
        # A part that lies where the border cuts the field anyway does not speak for the inside. If
        # there is no inside, that is what fills half of the axis or more.
        known = main.inside(lo, hi).any() or 2 * main.seen.sum() >= len(low)
        if not known or (line.seen & main.inside(lo, hi)).any():
            inner.append(line)
            lo, hi = min(lo, line.lo), max(hi, line.hi)
    inside = main.inside(lo, hi)
    at = float(main.step) * np.arange(len(low))
    follows = (low == at + float(lo)) & (high == at + float(hi))
    exact = (
        all(line.field.exact and line.step == main.step for line in inner)
        and (len(inner) == 1 or bool(inside.any()))
        and bool(follows[inside].all())
    )
    taps = united_taps((line.field.taps, line.lo - lo) for line in inner)
    return replace(
        main.field,
        step=main.step,
        lo=lo,
        hi=hi,
        shortest=min(line.field.shortest for line in inner),
        taps=taps if exact else None,
        low=low,
        high=high,
        exact=exact,
        sure=sure and all(line.field.sure for line in lines),
    )
