"""Rules of nodes that place values in a tensor: slice writes, and joins along an image axis.

A unit sees what was placed there last. The tables follow from that unit by unit; the affine form
is that of the parts that fill the inside, if it is the same everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from archlab.analyze.field.sight.field import NOTHING, Field, Table, united_taps
from archlab.analyze.field.sight.join import join, united_axes, unlike
from archlab.analyze.field.sight.layout import Axis, Digit, Layout, plain, pure, reshaped, with_axis
from archlab.analyze.field.sight.sight import Sight, Step, lost
from archlab.ir.kinds import AxesAttrs, Box, PlaceAttrs

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


def place(step: Step) -> Sight:
    """Return what a tensor sees into which values were written."""
    attrs, shape = step.node.attrs_as(PlaceAttrs), step.shape()
    parts = []
    for sight, box in zip(step.inputs, attrs.boxes, strict=True):
        if box is None:
            return lost(step)
        if box == () and shape:
            box = tuple((0, 1, size, axis) for axis, size in enumerate(shape))
            layout = (
                None if sight is None or sight.layout is None else reshaped(sight.layout, shape)
            )
            sight = None if sight is None else replace(sight, layout=layout)
        if sight is not None and sight.layout is None:
            return lost(step)
        parts.append(Part(sight, box))
    return placed(step, parts)


def placed(step: Step, parts: Sequence[Part]) -> Sight:
    """Return what the parts see together, each where no later one hides it."""
    shape = step.shape()
    parts = _whole_again(parts)
    seeing = [part for part in parts if part.sight is not None]
    layout = _layout(seeing, shape)
    if layout is None or any(_misplaced(part, layout) for part in seeing):
        return lost(step)
    cut = {image: i for i, image in enumerate(map(pure, layout)) if image is not None}
    cells, visible = _visible(parts, shape)
    sights = [part.sight for part in seeing if part.sight is not None]
    if unlike(sights, skip=cut):
        return lost(step)
    sight = replace(united_axes(step, sights, skip=cut), layout=layout)
    channels = [i for i, axis in enumerate(layout) if not axis.spatial]
    if not all(part.fills(i, shape[i]) for part in parts for i in channels):
        sight = replace(sight, uneven=True)
    for image, axis in cut.items():
        others = [other for other in cut.values() if other != axis]
        field = _placed(parts, image, axis, shape[axis], cells[axis], _along(visible, axis, others))
        if field is None:
            return lost(step)
        sight = sight.moved(image, field)
    return sight


def _whole_again(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with the image axes that they lack because one position was taken out."""
    known = {
        image: i
        for part in parts
        if part.sight is not None
        for i in range(len(part.box))
        if (image := pure(part.source(i))) is not None
    }
    return [_with_taken(part, known) for part in parts]


def _with_taken(part: Part, known: Mapping[int, int]) -> Part:
    """Give a part its axes back: where other parts have them, or where it alone has none."""
    if part.sight is None or part.sight.layout is None:
        return part
    sight, box, layout = part.sight, list(part.box), list(part.sight.layout)
    missing = [i for i, span in enumerate(box) if span[3] < 0]
    for image, field in sight.taken:
        axis = known.get(image, missing[0] if len(missing) == len(sight.taken) == 1 else -1)
        if axis not in missing:
            return part
        box[axis] = (*box[axis][:3], len(layout))
        layout.append(Axis((Digit(1, image),)))
        sight = sight.moved(image, field)
    return Part(replace(sight, layout=tuple(layout), taken=()), tuple(box))


def _misplaced(part: Part, layout: Layout) -> bool:
    """Whether a position that was taken out belongs to an axis here, and to which is not known."""
    images = {image for axis in layout for image in axis.images}
    lacks = any(span[3] < 0 for span in part.box)
    taken = () if part.sight is None else part.sight.taken
    return any(lacks or image in images for image, _ in taken)


def _layout(parts: Sequence[Part], shape: Sequence[int]) -> Layout | None:
    """Return the layout of the whole; None where the parts disagree."""
    layout: list[Axis] = []
    for i, size in enumerate(shape):
        axes = {part.source(i) for part in parts if part.source(i).spatial}
        if all(part.fills(i, size) for part in parts if part.source(i).spatial):
            if len(axes) > 1:
                return None
            layout.append(axes.pop() if axes else plain(size))
            continue
        images = {image for axis in axes for image in axis.images}
        whole = all(len(axis.digits) == 1 and not axis.lead for axis in axes)
        if len(images) > 1 or not whole or any(axis.digits[0].stride != 1 for axis in axes):
            return None
        layout.append(Axis((Digit(size, images.pop()),)))
    return tuple(layout)


def _visible(parts: Sequence[Part], shape: Sequence[int]) -> tuple[list[Table], Mask]:
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


def _along(visible: Mask, axis: int, others: Sequence[int]) -> Mask:
    """Return parts × cells of an axis × cells of the other image axes."""
    off = tuple(i + 1 for i in range(visible.ndim - 1) if i != axis and i not in others)
    kept: Mask = np.any(visible, axis=off, keepdims=True)
    turned: Mask = np.moveaxis(kept, axis + 1, 1)
    return turned.reshape(*turned.shape[:2], -1)


def _placed(
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


def concat(step: Step) -> Sight:
    """Return what tensors see that are joined along an axis, old or new."""
    attrs = step.node.attrs_as(AxesAttrs)
    at, shape, stack = attrs.axes[0], step.shape(), attrs.function == "stack"
    sights = [sight for sight in step.inputs if sight is not None]
    if any(sight.layout is None for sight in sights):
        return lost(step)
    spatial = [] if stack else [sight for sight in sights if sight.spatial(at)]
    sizes = [1 if stack else step.graph.shape(tensor)[at] for tensor in step.node.inputs]
    taken = 1 in sizes and any(sight.taken for sight in sights)
    # Channels side by side see the union.
    if not spatial and not taken:
        return _joined_channels(step, sights, at, stack=stack)
    starts = [0, *accumulate(sizes)]
    if len(spatial) == 1 and spatial[0].pure(at) is None:
        return _tokens(step, spatial[0], at, starts)
    parts = [
        Part(sight, _beside(shape, at, starts[i], sizes[i], stack=stack, sight=sight))
        for i, sight in enumerate(step.inputs)
    ]
    return placed(step, parts)


def _tokens(step: Step, sight: Sight, at: int, starts: Sequence[int]) -> Sight:
    """Return the sight of tokens in front of those of the image, which become its lead."""
    assert sight.layout is not None
    axis = sight.layout[at]
    position = next(i for i, each in enumerate(step.inputs) if each is sight)
    if starts[position + 1] != step.shape()[at]:
        return lost(step, sight)
    lead = Axis(axis.digits, axis.lead + starts[position])
    return replace(sight, layout=with_axis(sight.layout, at, lead))


def _beside(
    shape: Sequence[int], at: int, start: int, size: int, *, stack: bool, sight: Sight | None
) -> Box:
    """Return the box of a tensor among those that are joined along an axis, old or new."""
    box = [(0, 1, n, i - (stack and i > at)) for i, n in enumerate(shape)]
    # A single position that was taken out, and whose axis was added again, has none of its own.
    lacks = stack or (size == 1 and sight is not None and bool(sight.taken))
    box[at] = (start, 1, size, -1 if lacks else at)
    return tuple(box)


def _joined_channels(step: Step, sights: list[Sight], at: int, *, stack: bool) -> Sight:
    size = step.shape()[at]
    wide = [
        replace(s, layout=(*s.layout[:at], plain(size), *s.layout[at + (not stack) :]))
        for s in sights
        if s.layout is not None
    ]
    sight = join(replace(step, inputs=tuple(wide)))
    # Also those of a constant, which see nothing.
    differ = len(sights) < len(step.inputs) or any(not _alike(s, sights[0]) for s in sights)
    return replace(sight, uneven=sight.uneven or differ)


def _alike(sight: Sight, other: Sight) -> bool:
    """Whether both see the same at each position."""
    return all(
        a is b or (a is not None and b is not None and _equal(a, b))
        for a, b in zip(sight.axes, other.axes, strict=True)
    )


def _equal(field: Field, other: Field) -> bool:
    return np.array_equal(field.low, other.low) and np.array_equal(field.high, other.high)
