"""What a picture shows: boxes in groups, edges with a role, and what was folded away. Plain data.

`fold` makes it from a graph, `analyze.annotate` adds numbers, the views draw it.
"""

from __future__ import annotations

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


SHORTCUTS = frozenset(
    {Role.IDENTITY, Role.PAD, Role.PROJECTION, Role.POOL, Role.BYPASS, Role.CONCAT}
)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Numbers of everything a box or group stands for; None where they are not known."""

    params: int | None = None
    macs: int | None = None
    heat: float | None = None
    shared: bool = False  # weights that another box counts
    partial: bool = False  # MACs are a lower bound: an operator inside has no rule


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    `nodes` are the graph's nodes it stands for, repeats included: `times` where equal boxes follow
    each other, `repeats` where frames around it are repeated.

    `title` says what it is (Conv 3×3 /2), `fused` what follows in the same box (BN, ReLU), `name`
    the module's own name, `channels` the size of the channel axis it makes, where there is one.
    """

    id: str
    path: str
    shape: Shape
    title: str
    kind: Kind | None = None
    fused: tuple[str, ...] = ()
    name: str = ""
    channels: int | None = None
    nodes: tuple[int, ...] = ()
    group: str = ""
    times: int = 1
    repeats: int = 1
    average: bool = False  # the repeats differ in width: amounts per block are averages
    note: str = ""
    mark: str = ""  # added, removed, changed; train only
    amounts: Amounts = field(default=Amounts())


@dataclass(frozen=True, slots=True)
class Group:
    """An open module, or a run of equal ones (`times` > 1) of which the first is shown.

    `nodes` are those of all of them, and of all `repeats` of the frames around. A group that reads
    the same as its neighbours is `branch` K of `branches`, counted from 1.
    """

    id: str
    path: str
    type: str
    times: int = 1
    parent: str = ""
    nodes: tuple[int, ...] = ()
    repeats: int = 1
    note: str = ""
    mark: str = ""
    branch: int = 0
    branches: int = 0
    amounts: Amounts = field(default=Amounts())


@dataclass(frozen=True, slots=True)
class Edge:
    """From box to box. `shape` is the tensor's without its batch axis; `changed`: worth writing."""

    tail: str
    head: str
    role: Role = Role.MAIN
    shape: tuple[int, ...] = ()
    changed: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture's content; `folded` says in words what is not drawn one by one.

    `inside` is the path of the module whose inside it is; empty for the whole model.
    """

    model: str
    input: str
    mode: str
    build: str
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    edges: tuple[Edge, ...]
    folded: tuple[str, ...] = ()
    heat: Heat | None = None
    inside: str = ""

    @property
    def items(self) -> tuple[Box | Group, ...]:
        """Everything that stands for nodes: boxes, then groups."""
        return (*self.boxes, *self.groups)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON record; ids of boxes and groups are those of the SVG."""
        return {"schema": "archlab.drawing/1", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Heat:
    """The measure that boxes are coloured by: its name, and how it adds up (`share`: of total)."""

    measure: str
    title: str
    share: bool
    low: float
    high: float
    total: float | None = None
