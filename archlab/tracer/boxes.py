"""Where a written view lies in another view of the same storage, as a box of it.

Offsets and strides alone say it: an offset is a number whose digits are the positions along the
axes, the outermost axis first, and a stride of the written view is a step along one of the axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

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
    (_, offset, shape, _), (_, origin, sizes, steps) = written, read
    # Sparse and nested tensors have no strides.
    strided = all(len(sizes) == len(steps) for *_, sizes, steps in (written, read))
    if written[0] != read[0] or not strided:
        return None
    if offset == origin and _in_order(written) and _in_order(read) and prod(shape) == prod(sizes):
        return whole(sizes) if shape == sizes else ()
    axes = sorted((i for i, size in enumerate(sizes) if size > 1), key=lambda i: -steps[i])
    if not _nested([(sizes[i], steps[i]) for i in axes]):
        return None
    starts, origins = (_digits(at, [steps[i] for i in axes]) for at in (offset, origin))
    moves = _moves(written, [steps[i] for i in axes], starts)
    if moves is None or starts[-1] != origins[-1]:  # or between the elements that are read
        return None
    spans = [(0, 1, 1, -1)] * len(sizes)
    for place, axis in enumerate(axes):
        spans[axis] = (starts[place] - origins[place], *moves.get(place, (1, 1, -1)))
    for axis, own in _axes_of_one([span[3] for span in spans], sizes, shape):
        spans[axis] = (*spans[axis][:3], own)
    return tuple(spans)


def _moves(
    written: Geometry, steps: Sequence[int], starts: Sequence[int]
) -> dict[int, tuple[int, int, int]] | None:
    """Return step, size and own axis of the written view along axes of these steps, by place."""
    moves: dict[int, tuple[int, int, int]] = {}
    for own, (size, stride) in enumerate(zip(*written[2:], strict=True)):
        if size == 1:
            continue
        place = next((i for i, step in enumerate(steps) if 0 < step <= stride), None)
        if place is None or place in moves or stride % steps[place]:
            return None
        step = stride // steps[place]
        # A view that runs on into the next row, as flattened ones do, is no box.
        if place and starts[place] + step * (size - 1) >= steps[place - 1] // steps[place]:
            return None
        moves[place] = (step, size, own)
    return moves


def _axes_of_one(
    owns: Sequence[int], sizes: Sequence[int], shape: Sequence[int]
) -> list[tuple[int, int]]:
    """Pair the axes of size 1, which have no step: those in the same place, or those in order."""
    open_axes = [axis for axis, own in enumerate(owns) if own < 0]
    open_owns = [own for own in range(len(shape)) if own not in owns]
    if len(owns) == len(shape):
        return [(axis, axis) for axis in open_axes if axis in open_owns]
    ones = [axis for axis in open_axes if sizes[axis] == 1]
    return list(zip(ones, open_owns, strict=True)) if len(ones) == len(open_owns) else []


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
