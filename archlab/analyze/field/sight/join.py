"""Rules of nodes where branches meet: the union of what they see."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import Axis, Digit, Layout, plain, pure
from archlab.analyze.field.sight.sight import Misalignment, Sight, Step, lost


def join(step: Step) -> Sight:
    """Return the union of what the operands of an element-wise operator see."""
    shape = step.shape()
    sights = [
        sight
        if sight.layout is None or len(sight.layout) > len(shape)
        else expanded(step, sight, shape)
        for sight in step.inputs
        if sight is not None
    ]
    sights = _without_gates(sights)
    layouts = [s.layout for s in sights if s.layout is not None and len(s.layout) == len(shape)]
    layout = _broadcast(layouts, shape)
    # A position that was taken out of an axis is seen by all units that it meets, or by few.
    present = {i for sight in sights for i, field in enumerate(sight.axes) if field is not None}
    unknown = any(image in present for sight in sights for image, _ in sight.taken)
    if layout is None or not layouts or unknown or unlike(sights):
        return lost(step)
    sight = replace(united_axes(step, sights), layout=layout)
    return sight.unsure(range(len(sight.axes))) if _chosen(step, sights) else sight


def _chosen(step: Step, sights: Sequence[Sight]) -> bool:
    """Whether a constant chooses, place by place, between operands that see differently."""
    function = step.node.op.rpartition(".")[2].rstrip("_")
    condition = {"where": 0, "masked_fill": 1}.get(function)
    if condition is None or step.inputs[condition] is not None:
        return False
    return len(sights) < 2 or any(not alike(sight, sights[0]) for sight in sights)


def alike(sight: Sight, other: Sight) -> bool:
    """Whether both see the same at each position."""
    return all(
        a is b or (a is not None and b is not None and _equal(a, b))
        for a, b in zip(sight.axes, other.axes, strict=True)
    )


def _equal(a: Field, b: Field) -> bool:
    return np.array_equal(a.low, b.low) and np.array_equal(a.high, b.high)


def _without_gates(sights: Sequence[Sight]) -> list[Sight]:
    """Return the sights without the fields of gates whose places have been mixed with each other.

    They have no place in the tensor any more, and other operands have another number of places.
    """
    sizes = {
        image: field.size
        for sight in sights
        for axis in sight.layout or ()
        for image in axis.images
        if (field := sight.axes[image]) is not None
    }
    result = []
    for sight in sights:
        own = {image for axis in sight.layout or () for image in axis.images}
        for image, size in sizes.items():
            field = sight.axes[image]
            gate = sight.global_from and sight.layout is not None and image not in own
            if gate and field is not None and field.size != size:
                sight = sight.moved(image, None)
        result.append(sight)
    return result


def unlike(sights: Sequence[Sight], skip: Container[int] = ()) -> bool:
    """Whether an image axis, but some, has another number of units in another sight."""
    by_axis = enumerate(zip(*(sight.axes for sight in sights), strict=True))
    sizes = [{f.size for f in axis if f is not None} for i, axis in by_axis if i not in skip]
    return any(len(each) > 1 for each in sizes)


def united_axes(step: Step, sights: Sequence[Sight], skip: Container[int] = ()) -> Sight:
    """Return the sight that has the union of all on each image axis but some."""
    by_axis = enumerate(zip(*(sight.axes for sight in sights), strict=True))
    return replace(
        sights[0],
        axes=tuple(each[0] if i in skip else _union(step, each, i) for i, each in by_axis),
        taken=_taken([pair for sight in sights for pair in sight.taken]),
        uneven=any(s.uneven for s in sights),
        global_from=next((s.global_from for s in sights if s.global_from), ""),
        lost=next((s.lost for s in sights if s.lost), ""),
    )


def _taken(pairs: Sequence[tuple[int, Field]]) -> tuple[tuple[int, Field], ...]:
    """Return the union by image axis of positions that were taken out."""
    by_image: dict[int, Field] = {}
    for image, field in pairs:
        seen = by_image.setdefault(image, field)
        by_image[image] = fields.union([seen, replace(field, step=seen.step)])
    return tuple(by_image.items())


def _broadcast(layouts: Sequence[Layout], shape: Sequence[int]) -> Layout | None:
    """Return the common layout; None where an axis is of the image in different ways."""
    result = []
    for i, size in enumerate(shape):
        spatial = {layout[i] for layout in layouts if layout[i].spatial}
        if len(spatial) > 1:
            return None
        result.append(spatial.pop() if spatial else plain(size))
    return tuple(result)


def expanded(step: Step, sight: Sight, shape: Sequence[int]) -> Sight:
    """Return the sight of a tensor that is repeated along new axes, and along those of size 1."""
    assert sight.layout is not None
    if tuple([axis.size for axis in sight.layout]) == tuple(shape):
        return sight
    new = len(shape) - len(sight.layout)
    layout = [*map(plain, shape[:new]), *sight.layout]
    for i, size in enumerate(shape):
        whole = pure(layout[i])
        field = None if whole is None else sight.axes[whole]
        if whole is None or field is None or layout[i].size == size:
            layout[i] = layout[i] if layout[i].size == size else plain(size)
        elif field.low[0] <= 0 and field.high[0] >= field.extent - 1:
            # A single unit that sees the whole image is a gate, and moves nothing.
            sight, layout[i] = sight.moved(whole, None).seeing_all(step.path), plain(size)
        else:
            sight = sight.moved(whole, fields.repeated(field, size))
            layout[i] = Axis((Digit(size, whole),))
    return replace(sight, layout=tuple(layout))


def _union(step: Step, branches: Sequence[Field | None], axis: int) -> Field | None:
    present = [field for field in branches if field is not None]
    if not present:
        return None
    steps, centres = {f.step for f in present}, {f.centre for f in present}
    if len(steps) > 1 or len(centres) > 1:
        step.misaligned.append(
            Misalignment(
                step.path,
                axis,
                tuple(float(f.centre) for f in present),
                tuple(float(f.step) for f in present),
            )
        )
    if len(steps) == 1:
        return fields.union(present)
    # Intervals with other steps have no union at any size; the table of this size has one.
    step_of_all = present[0].step or max(steps)
    table = fields.union([replace(f, step=step_of_all, taps=None) for f in present])
    return replace(table, exact=False)
