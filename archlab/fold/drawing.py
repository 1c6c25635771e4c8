"""What a picture shows: boxes in groups, edges with a role, and what was folded away. Plain data.

`fold` makes it from a graph, `picture.annotate` adds numbers, the views draw it.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from archlab.ir.kinds import Kind


class Shape(StrEnum):
    """What a box is: decides how it is drawn."""

    INPUT = "input"
    OUTPUT = "output"
    OPERATOR = "operator"
    MODULE = "module"  # closed: stands for everything inside
    SUM = "sum"  # ⊕: where a shortcut joins
    PRODUCT = "product"  # ⊗: where a gate acts
    CONCAT = "concat"
    FAILURE = "failure"
    PORT = "port"  # where edges enter or leave a drawing that is the inside of a module


class Role(StrEnum):
    """What an edge is: a way round others is a shortcut of one of five kinds."""

    MAIN = "main"
    IDENTITY = "identity"
    PAD = "pad"  # option A: subsampled, zero channels added; no parameters
    PROJECTION = "projection"  # behind a convolution or linear layer
    POOL = "pool"
    BYPASS = "bypass"  # something else, drawn on it or only moved: no weights
    CONCAT = "skip"  # joined by concatenation: U-Net, DenseNet
    REPEAT = "repeat"  # every member of a folded run reads all members before it
    # What the next turn of a loop reads: it runs back, or from a box to itself, so that no order
    # of boxes may follow from it.
    LOOP = "loop"


SHORTCUTS = frozenset(
    {Role.IDENTITY, Role.PAD, Role.PROJECTION, Role.POOL, Role.BYPASS, Role.CONCAT}
)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Numbers of everything a box or group stands for; None where they are not known."""

    params: int | None = None
    each: float | None = None  # parameters that one repeat uses; more in all where they share some
    macs: int | None = None
    heat: float | None = None
    shared: bool = False  # weights that another box counts
    partial: bool = False  # MACs are a lower bound: an operator inside has no rule
    before: Amounts | None = None  # in the first of two models, where they differ


@dataclass(frozen=True, slots=True)
class Box:
    """One box."""

    id: str
    path: str
    shape: Shape
    title: str  # what it is: Conv 3×3 /2
    kind: Kind | None = None
    fused: tuple[str, ...] = ()  # what follows in the same box: BN, ReLU
    name: str = ""  # the module's own
    width: int | None = None  # how many channels or features it makes, where there is such an axis
    unit: str = ""  # of the width: ch, features or tokens
    # Of a map that it makes, channels and then sizes; of a vector its features; () of all else.
    makes: tuple[int, ...] = ()
    nodes: tuple[int, ...] = ()  # the graph's nodes that it stands for, repeats included
    group: str = ""
    times: int = 1  # equal boxes that follow each other
    repeats: int = 1  # of the frames around it
    average: bool = False  # the repeats differ in width: amounts per block are averages
    note: str = ""
    mark: str = ""  # added, removed, changed; train only
    pattern: str = ""  # what a closed module, or a group of small operators, is by its structure
    holds: str = ""  # what a container without a class of its own holds: 2 × Bottleneck
    inset: str = ""  # the letter under which its inside is drawn
    amounts: Amounts = field(default=Amounts())

    @property
    def wide(self) -> str:
        """The width in words: `64 ch`."""
        unit = self.unit.removesuffix("s") if self.width == 1 else self.unit
        return f"{self.width} {unit}" if self.width else ""


@dataclass(frozen=True, slots=True)
class Group:
    """An open module, or a run of equal ones (`times` > 1) of which the first is shown."""

    id: str
    path: str
    type: str
    times: int = 1
    parent: str = ""
    nodes: tuple[int, ...] = ()  # those of all of the run, and of all repeats
    repeats: int = 1  # of the frames around it
    note: str = ""
    mark: str = ""
    branch: int = 0  # its place, from 1, among the `branches` groups that read the same
    branches: int = 0
    pattern: str = ""  # what the module is by its structure: squeeze-excite
    holds: str = ""  # what a container without a class of its own holds: 2 × Bottleneck
    amounts: Amounts = field(default=Amounts())


@dataclass(frozen=True, slots=True)
class Edge:
    """From box to box."""

    tail: str
    head: str
    role: Role = Role.MAIN
    shape: tuple[int, ...] = ()  # that leaves the tail, without its batch axis
    changed: bool = False  # the shape is worth writing
    mark: str = ""
    read: tuple[int, ...] = ()  # that the head takes in, where it is another one
    bytes: int = 0  # of one sample of what leaves the tail

    @property
    def sizes(self) -> str:
        """The shape in words; both, where it is another one on arrival: `56×56×96 ⇢ 28×28×384`."""
        shapes = (self.shape, self.read) if self.read else (self.shape,)
        return " ⇢ ".join("×".join(map(str, shape)) or "scalar" for shape in shapes)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture's content."""

    model: str
    input: str
    mode: str
    build: str
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    edges: tuple[Edge, ...]
    folded: tuple[str, ...] = ()  # sentences about what is not drawn one by one
    heat: Heat | None = None
    inside: str = ""  # path of the module whose inside it is; empty for the whole model
    insets: tuple[Inset, ...] = ()

    @property
    def title(self) -> str:
        """The model's name; of a net in a file its class alone."""
        return re.sub(r"(^|→ )[^→]*\.py:", r"\1", self.model)

    @property
    def items(self) -> tuple[Box | Group, ...]:
        """Everything that stands for nodes: boxes, then groups."""
        return (*self.boxes, *self.groups)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record; ids of boxes and groups are those of the SVG."""
        return {"schema": "archlab.drawing/2", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Inset:
    """The inside of a sort of module that occurs often, drawn once for all of its boxes."""

    letter: str
    type: str
    path: str  # of the one that is drawn
    count: int  # boxes that bear the letter
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Heat:
    """The measure that boxes are coloured by."""

    measure: str
    title: str
    share: bool  # values add up, and are shown as shares of `total`
    low: float
    high: float
    total: float | None = None
    linear: bool = False  # values that are no shares lie on a scale by size, and else by powers
