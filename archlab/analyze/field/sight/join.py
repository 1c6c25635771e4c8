"""Rules of nodes where branches meet: the union of what they see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import Axis, Layout, plain, with_axis
from archlab.analyze.field.sight.sight import Misalignment, Sight, Step, lost
from archlab.ir.kinds import AxesAttrs


def join(step: Step) -> Sight:
    """Return the union of what the operands of an element-wise operator see."""
    sights = [sight for sight in step.inputs if sight is not None]
    shape = step.shape()
    fitting = [
        sight for sight in sights if sight.layout is not None and len(sight.layout) == len(shape)
    ]
    whole = [sight for sight in fitting if any(axis.spatial for axis in sight.layout or ())]
    if not fitting:
        return lost(step)
    base = (whole or fitting)[0]
    tall, wide = (_union(step, [sight.axes[i] for sight in sights], i) for i in (0, 1))
    return replace(
        base,
        layout=_broadcast(fitting, shape),
        axes=(tall, wide),
        global_from=next((s.global_from for s in sights if s.global_from), ""),
        lost=next((s.lost for s in sights if s.lost), ""),
    )


def _broadcast(sights: Sequence[Sight], shape: Sequence[int]) -> Layout:
    result = []
    for i, size in enumerate(shape):
        axes = [sight.layout[i] for sight in sights if sight.layout is not None]
        fit = [axis for axis in axes if axis.size == size]
        spatial = [axis for axis in fit if axis.spatial]
        result.append((spatial or fit or [plain(size)])[0])
    return tuple(result)


def _union(step: Step, branches: Sequence[Field | None], axis: int) -> Field | None:
    present = [field for field in branches if field is not None]
    if not present:
        return None
    # A branch of one position (a gate) is broadcast over the others and moves nothing.
    size = max(field.size for field in present)
    present = [field for field in present if field.size == size]
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
    table = fields.union([replace(f, step=present[0].step, taps=None) for f in present])
    return replace(table, exact=False)


def concat(step: Step) -> Sight:
    """Return what tensors see that are joined along an axis, old or new."""
    attrs = step.node.attrs_as(AxesAttrs)
    at, shape = attrs.axes[0], step.shape()
    sights = [sight for sight in step.inputs if sight is not None]
    if attrs.function == "stack":
        grown = [
            s if s.layout is None else replace(s, layout=(*s.layout[:at], plain(1), *s.layout[at:]))
            for s in sights
        ]
        return _joined_channels(step, grown, at)
    # Channels side by side see the union; tokens in front of an image axis become its lead.
    if not any(sight.spatial(at) for sight in sights):
        return _joined_channels(step, sights, at)
    spatial = [(i, s) for i, s in enumerate(step.inputs) if s is not None and s.spatial(at)]
    position, sight = spatial[0]
    before = sum(step.graph.shape(t)[at] for t in step.node.inputs[:position])
    assert sight.layout is not None
    axis = sight.layout[at]
    if len(spatial) > 1 or before + axis.size != shape[at]:
        return lost(step, sight)
    tokens_first = Axis(axis.digits, axis.lead + before)
    return replace(sight, layout=with_axis(sight.layout, at, tokens_first))


def _joined_channels(step: Step, sights: list[Sight], at: int) -> Sight:
    shape = step.shape()
    wide = [
        replace(s, layout=with_axis(s.layout, at, plain(shape[at])))
        if s.layout is not None and len(s.layout) == len(shape)
        else s
        for s in sights
    ]
    return join(replace(step, inputs=tuple(wide)))
