"""Where a written view lies in another view of the same storage, as a box of it.

Offsets and strides alone say it: an offset is a number whose digits are the positions along the
axes, the outermost axis first, and a stride of the written view is a step along one of the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archlab.ir.kinds import Box
from archlab.tracer.layout import contiguous_strides

Geometry = tuple[int, int, tuple[int, ...], tuple[int, ...]]  # item size, offset, shape, strides


def whole(shape: Sequence[int]) -> Box:
    """Return the box of a value that has the shape of the tensor and fills it."""
    return tuple((0, 1, size, axis) for axis, size in enumerate(shape))


def box(written: Geometry, read: Geometry) -> Box | None:
    """Return where the written view lies in the one that is read; None where that is no box.

    Example:
        >>> rows, image = (4, 16, (3, 8), (16, 1)), (4, 0, (6, 8), (8, 1))
        >>> box(rows, image)  # rows 2 and 4, and the place of a sixth that there is not
        ((2, 2, 3, 0), (0, 1, 8, 1))
    """
    (item, offset, shape, strides), (read_item, read_offset, sizes, read_strides) = written, read
    if item != read_item:
        return None
    if written[1:] != read[1:] and _in_order(written) and _in_order(read) and offset == read_offset:
        return whole(sizes) if shape == sizes else ()
    axes = sorted(
        (axis for axis, size in enumerate(sizes) if size > 1), key=lambda axis: -read_strides[axis]
    )
    if not _nested([(sizes[axis], read_strides[axis]) for axis in axes]):
        return None
    steps = [read_strides[axis] for axis in axes]
    start, origin = _digits(offset, steps), _digits(read_offset, steps)
    if start[-1] != origin[-1]:
        return None  # between the elements that are read
    spans = [(0, 1, 1, -1)] * len(sizes)
    for place, axis in enumerate(axes):
        spans[axis] = (start[place] - origin[place], 1, 1, -1)
    for own, (size, stride) in enumerate(zip(shape, strides, strict=True)):
        if size == 1:
            continue
        at = next((i for i, step in enumerate(steps) if 0 < step <= stride), None)
        if at is None or stride % steps[at] or spans[axes[at]][3] >= 0:
            return None
        step = stride // steps[at]
        # A view that runs on into the next row, as flattened ones do, is no box.
        if at and start[at] + step * (size - 1) >= steps[at - 1] // steps[at]:
            return None
        spans[axes[at]] = (spans[axes[at]][0], step, size, own)
    return _with_axes_of_one(spans, shape)


def _with_axes_of_one(spans: Sequence[tuple[int, int, int, int]], shape: Sequence[int]) -> Box:
    """Name the written view's own axes of size 1, which have no step: those of the same place."""
    same_rank = len(spans) == len(shape)
    return tuple(
        (*span[:3], axis) if same_rank and span[3] < 0 and shape[axis] == 1 else span
        for axis, span in enumerate(spans)
    )


def _digits(offset: int, steps: Sequence[int]) -> list[int]:
    """Return the position along each axis, and last what is left of the offset."""
    positions = []
    for step in steps:
        position, offset = divmod(offset, step)
        positions.append(position)
    return [*positions, offset]


def _nested(axes: Sequence[tuple[int, int]]) -> bool:
    """Whether each step goes past the whole of the next axis, so that no two positions meet."""
    return all(step > 0 for _, step in axes) and all(
        outer >= size * inner for (_, outer), (size, inner) in pairwise(axes)
    )


def _in_order(geometry: Geometry) -> bool:
    return geometry[3] == contiguous_strides(geometry[2])
