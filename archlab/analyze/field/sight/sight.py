"""What a tensor sees, a step of the propagation, and what to do where no rule fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import NOWHERE, Layout, plain, pure
from archlab.ir.graph import Graph, Node

Fields = tuple[Field | None, ...]
# The image axes by their number: height and width, and the steps of a video or a sequence.
NAMES = "hwt"


@dataclass(frozen=True, slots=True)
class Sight:
    """What a tensor sees of the image."""

    layout: Layout | None  # where the image's rows and columns are in the tensor
    axes: Fields  # a field for h, w and t; None where that axis is no longer there
    global_from: str = ""  # the first layer through which units depend on the whole image
    lost: str = ""  # the operator from which on the field is only a lower bound
    # Image axes of which one position was taken out, with what it sees; a tensor may be put
    # together again of such positions.
    taken: tuple[tuple[int, Field], ...] = ()
    uneven: bool = False  # some channels see less than the others: `axes` is of all together

    def bounded(self) -> Sight:
        """Return the sight of some of the channels: where they differ, it is only a bound."""
        return self.unsure(range(len(self.axes))) if self.uneven else self

    def unsure(self, images: Iterable[int]) -> Sight:
        """Return the sight with nothing but a bound on some image axes."""
        chosen = set(images)
        axes = (
            replace(field, sure=False) if i in chosen and field is not None else field
            for i, field in enumerate(self.axes)
        )
        return replace(self, axes=tuple(axes))

    def grown(self) -> Sight:
        """Return the sight after a tensor axis that holds nothing of the image became longer.

        The image axes that no tensor axis holds are seen by all units as before, but for those
        that see the new positions alone.
        """
        held = {image for axis in self.layout or () for image in axis.images}
        return self.unsure(set(range(len(self.axes))) - held)

    def pure(self, i: int) -> tuple[int, Field] | None:
        """Return the image axis that tensor axis `i` is the whole of, and its field, or None."""
        image = None if self.layout is None else pure(self.layout[i])
        field = None if image is None else self.axes[image]
        if self.layout is None or image is None or field is None:
            return None
        # The places in a window are a part of the axis, too.
        return (image, field) if field.size == self.layout[i].size else None

    def moved(self, image: int, field: Field | None) -> Sight:
        """Return the sight with another field on an image axis."""
        return replace(self, axes=(*self.axes[:image], field, *self.axes[image + 1 :]))

    def spatial(self, i: int) -> bool:
        """Whether tensor axis `i` holds a part of the image."""
        return self.layout is not None and i < len(self.layout) and self.layout[i].spatial

    def seeing_all(self, path: str) -> Sight:
        """Return the sight of units that depend on the whole image, from `path` on or before."""
        return replace(self, global_from=self.global_from or path)


@dataclass(frozen=True, slots=True)
class Misalignment:
    """Branches that meet with other centres, or other steps, on one image axis, by number."""

    path: str
    axis: int
    centres: tuple[float, ...]
    steps: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One node with what its inputs see; `misaligned` collects what does not fit."""

    graph: Graph
    node: Node
    inputs: tuple[Sight | None, ...]
    misaligned: list[Misalignment]

    @property
    def main(self) -> Sight:
        """The first input that sees the image."""
        return next(sight for sight in self.inputs if sight is not None)

    def shape(self, output: int = 0) -> tuple[int, ...]:
        """Shape of an output."""
        return self.graph.shape(self.node.outputs[output])

    @property
    def path(self) -> str:
        """Path of the node, for messages."""
        return self.node.path or self.graph.name


def lost(step: Step, sight: Sight | None = None) -> Sight:
    """Return the sight of a node that no rule fits: a lower bound from here on."""
    sight = sight or step.main
    # The layout may still hold if the shape is the same; the field is a lower bound in any case.
    same = sight.layout is not None and len(sight.layout) == len(step.shape())
    why = sight.lost or f"{step.node.op} in {step.path}"
    return replace(sight, layout=resized(sight, step.shape()) if same else None, lost=why)


def resized(sight: Sight, shape: Sequence[int]) -> Layout | None:
    """Return the layout with other sizes off the image, or None where an image axis changed."""
    assert sight.layout is not None
    pairs = list(zip(sight.layout, shape, strict=True))
    if any(axis.spatial and axis.size != size for axis, size in pairs):
        return None
    return tuple(axis if axis.size == size else plain(size) for axis, size in pairs)


def settled(step: Step, sight: Sight, output: int) -> Sight:
    """Return a rule's sight, lost where it cannot be true of the tensor.

    Each image axis has as many units in its table as its parts in the tensor hold positions.
    """
    if sight.layout is None:
        return sight
    positions: dict[int, int] = {}
    for digit in [digit for axis in sight.layout for digit in axis.digits if digit.axis != NOWHERE]:
        positions[digit.axis] = positions.get(digit.axis, 1) * digit.size
    sizes = {image: field.size for image, field in enumerate(sight.axes) if field is not None}
    shape = tuple([axis.size for axis in sight.layout])
    if shape == step.shape(output) and positions.items() <= sizes.items():
        return sight
    # What a norm or a pool returns besides its result is of another shape and hardly ever read:
    # whoever reads it is named.
    return replace(sight if output else lost(step, sight), layout=None)


def same(step: Step) -> Sight:
    """Return the input's sight: nothing moves and nothing mixes."""
    sight = step.main
    # A sight that is lost already stays as it is: the message names the first operator alone.
    if sight.layout is None or len(sight.layout) != len(step.shape()):
        return sight if sight.lost else lost(step)
    layout = resized(sight, step.shape())
    if layout == sight.layout:
        return sight
    return replace(sight, layout=layout) if layout is not None else lost(step)
