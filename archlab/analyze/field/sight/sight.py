"""What a tensor sees, a step of the propagation, and what to do where no rule fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from archlab.analyze.field.sight.field import Field
from archlab.analyze.field.sight.layout import Layout, plain
from archlab.ir.graph import Graph, Node

Fields = tuple[Field | None, Field | None]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a tensor sees: layout, field by image axis (None: no longer there), and from where all.

    `lost` names the operator from which on the field is only a lower bound.
    """

    layout: Layout | None
    axes: Fields
    global_from: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class Misalignment:
    """Branches that meet with other centres, or other steps, on one image axis (0 = h, 1 = w)."""

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
    same = sight.layout is not None and len(sight.layout) == len(step.shape())
    why = sight.lost or f"{step.node.op} in {step.path}"
    return replace(sight, layout=resized(sight, step.shape()) if same else None, lost=why)


def resized(sight: Sight, shape: Sequence[int]) -> Layout | None:
    """Return the layout with other sizes off the image, or None where an image axis changed."""
    assert sight.layout is not None
    sizes = [prod(digit.size for digit in axis.digits) + axis.lead for axis in sight.layout]
    pairs = list(zip(sight.layout, sizes, shape, strict=True))
    if any(axis.spatial and size != new for axis, size, new in pairs):
        return None
    return tuple(axis if size == new else plain(new) for axis, size, new in pairs)


def same(step: Step) -> Sight:
    """Nothing moves and nothing mixes."""
    sight = step.main
    if sight.layout is None or len(sight.layout) != len(step.shape()):
        return sight if sight.lost else lost(step)
    layout = resized(sight, step.shape())
    return replace(sight, layout=layout) if layout is not None else lost(step)
