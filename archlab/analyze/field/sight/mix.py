"""Rules of nodes that sum over positions or depend on all of them: products, attention, norms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.join import united_axes
from archlab.analyze.field.sight.layout import Axis, plain, with_axis
from archlab.analyze.field.sight.sight import Sight, Step, lost, same
from archlab.ir.kinds import AxesAttrs, NormAttrs


def norm(step: Step) -> Sight:
    """Return the input's sight; statistics that run over positions depend on the whole image."""
    attrs, sight = step.node.attrs_as(NormAttrs), step.main
    if attrs.batch_stats or any(map(sight.spatial, attrs.axes)):
        sight = sight.seeing_all(step.path)
    return same(replace(step, inputs=(sight,)))


def softmax(step: Step) -> Sight:
    """Return the input's sight; a softmax over positions depends on all of them."""
    attrs, sight = step.node.attrs_as(AxesAttrs), step.main
    if any(map(sight.spatial, attrs.axes)):
        sight = sight.seeing_all(step.path)
    return same(replace(step, inputs=(sight,)))


def matmul(step: Step) -> Sight:
    """A product with a weight, or of two activations; what is summed over is mixed."""
    # addmm and baddbmm have the summand in front of their two factors.
    op = step.node.op.rpartition(".")[2]
    first = 1 if op.startswith(("add", "badd")) else 0
    a, b = step.inputs[first], step.inputs[first + 1]
    # The weight of `linear` is (outputs × inputs), and not the other way round.
    turned = op == "linear"
    shape = step.shape()
    if a is not None and b is None:
        if a.layout is None:
            return lost(step, a)
        # What is summed over is as uneven as before where the channels lie on another axis.
        last = len(a.layout) - 1
        a = replace(contracted(step, a, last), uneven=a.uneven and a.spatial(last))
        assert a.layout is not None
        out = (*a.layout[:-1], *([plain(shape[-1])] if len(shape) == len(a.layout) else []))
        return replace(a, layout=out)
    if a is None and b is not None:
        if b.layout is None or turned:
            return lost(step, b)
        at = max(len(b.layout) - 2, 0)
        b = contracted(step, b, at)
        assert b.layout is not None
        return replace(b, layout=with_axis(b.layout, at, plain(shape[at])))
    if a is None or b is None:
        return lost(step)
    return _product(step, a, b)


def _product(step: Step, a: Sight, b: Sight) -> Sight:
    """Return the sight of a product of two activations, both with positions of the image."""
    if a.layout is None or b.layout is None or len(a.layout) != len(b.layout):
        return lost(step, a)
    # Of scores (q·kᵀ) the query's positions are kept; the key's are mixed when they are summed.
    shape = step.shape()
    rows = a.layout[:-1]
    if any(axis.spatial for axis in rows):
        kept, other, layout = a, b, (*rows, plain(shape[-1]))
    else:
        kept, other, layout = b, a, (*rows, b.layout[-1])
    sight = replace(_together(step, kept, [other]), layout=layout)
    summed = [(a, a.layout[-1]), (b, b.layout[-2])]
    # Scores of all keys: whatever is made of them sees the whole image.
    if kept is a and _whole(b, b.layout[-1]):
        summed.append((b, b.layout[-1]))
    for source, axis in summed:
        sight = mixed(step, sight, axis, source)
    return lost(step, sight) if _apart(kept, [other], summed) else sight


def _whole(source: Sight, axis: Axis) -> set[int]:
    """Return the image axes of which a tensor axis holds all positions."""
    sizes = {i: field.size for i, field in enumerate(source.axes) if field is not None}
    held = {i: prod(digit.size for digit in axis.of(i)) for i in axis.images & sizes.keys()}
    return {i for i, positions in held.items() if positions >= sizes[i]}


def _apart(sight: Sight, others: Sequence[Sight], summed: Sequence[tuple[Sight, Axis]]) -> bool:
    """Whether some see units in another number, of which not all are summed.

    Windows of keys that overlap, or are larger than those of the queries, are such units.
    """
    all_summed = {image for source, axis in summed for image in _whole(source, axis)}
    return any(
        own is not None and field is not None and own.size != field.size and i not in all_summed
        for other in others
        for i, (own, field) in enumerate(zip(sight.axes, other.axes, strict=True))
    )


def attention(step: Step) -> Sight:
    """Each query sees all keys of its group: everything, or a window."""
    query, key, value = step.inputs[:3]
    sources = [source for source in (key, value) if source is not None]
    if not sources or any(sight is not None and sight.layout is None for sight in step.inputs[:3]):
        return lost(step)
    if query is None:
        # Learned queries have no place in the image.
        shape = step.graph.shape(step.node.inputs[0])
        query = Sight(tuple(map(plain, shape)), (None,) * len(sources[0].axes))
    assert query.layout is not None
    sight = _together(step, query, sources)
    done: set[Axis] = set()
    for source in sources:
        assert source.layout is not None
        axis = source.layout[-2]
        sight = sight if axis in done else mixed(step, sight, axis, source)
        done.add(axis)
    if _apart(query, sources, [(source, source.layout[-2]) for source in sources if source.layout]):
        sight = lost(step, sight)
    return replace(sight, layout=(*query.layout[:-1], plain(step.shape()[-1])))


def _together(step: Step, sight: Sight, others: Sequence[Sight]) -> Sight:
    """Return the union of what all see, where there are as many units: their places agree then."""
    alike = [
        replace(
            other,
            axes=tuple(
                field if field is not None and own is not None and field.size == own.size else None
                for field, own in zip(other.axes, sight.axes, strict=True)
            ),
        )
        for other in others
    ]
    return united_axes(step, [sight, *alike])


def mixed(step: Step, sight: Sight, axis: Axis, source: Sight) -> Sight:
    """Return the sight after positions along an axis of `source` were summed, all or in groups."""
    for image, whole in enumerate(source.axes):
        digits = axis.of(image)
        if whole is None or not digits:
            continue
        # All positions of the axis: the unit depends on the whole image, as through a gate.
        if prod(digit.size for digit in digits) >= whole.size:
            sight = sight.seeing_all(step.path)
            continue
        field = sight.axes[image]
        if field is None or field.size != whole.size:
            return lost(step, sight)
        for digit in digits:
            field = fields.mixed(field, digit.size, digit.stride)
        sight = sight.moved(image, field)
    return sight


def contracted(step: Step, sight: Sight, at: int) -> Sight:
    """Return the sight after positions along axis `at` were summed with weights."""
    assert sight.layout is not None
    axis, layout = sight.layout[at], with_axis(sight.layout, at, plain(1))
    for image, field in enumerate(sight.axes):
        fine = axis.of(image)
        if field is None or not fine:
            continue
        size = prod(digit.size for digit in fine)
        rest = [digit for other in layout for digit in other.of(image)]
        uneven = min(digit.stride for digit in fine) != 1 or any(d.stride % size for d in rest)
        if uneven or size >= field.size:
            sight = mixed(step, sight, Axis(tuple(fine)), sight)
            continue
        # The fine part of an image axis (patches, space-to-depth): what is left is a coarser axis,
        # as a window of that size and stride leaves it.
        sight = sight.moved(image, fields.tiled(field, size))
        layout = tuple(_coarser(other, image, size) for other in layout)
    return replace(sight, layout=layout)


def _coarser(axis: Axis, image: int, size: int) -> Axis:
    digits = (
        replace(digit, stride=digit.stride // size) if digit.axis == image else digit
        for digit in axis.digits
    )
    return Axis(tuple(digits), axis.lead)


def everything(step: Step) -> Sight:
    """Return the sight of a recurrent layer, which sees all steps before it."""
    return lost(step).seeing_all(step.path)
