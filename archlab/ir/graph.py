"""A traced model: nodes in call order, the tensors between them, parameters and modules.

Everything is frozen and holds plain Python values, so that a graph can be compared, written as JSON
and analysed without torch. A tensor refers to its storage: views share one, and memory is counted
by storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import TypeVar

from archlab.ir.kinds import Attrs, Kind, NoAttrs

AttrsT = TypeVar("AttrsT", bound=Attrs)
NO_ATTRS = NoAttrs()
DTYPE_BYTES = {
    "bool": 1, "uint8": 1, "int8": 1, "float8_e4m3fn": 1, "float8_e5m2": 1,
    "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "complex32": 4,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
    "complex64": 8, "complex128": 16,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor; views share a storage."""

    id: int
    shape: tuple[int, ...]
    dtype: str
    storage: int
    source: str = ""  # input, param, buffer, constant, or empty where a node made it
    name: str = ""

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def floating(self) -> bool:
        """Whether the dtype is a floating-point or complex one."""
        return self.dtype.startswith(("float", "bfloat", "complex"))


@dataclass(frozen=True, slots=True)
class Node:
    """One operator call."""

    id: int
    kind: Kind
    op: str
    path: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attrs: Attrs = NO_ATTRS
    call: int = 0  # of its module, counted from 0
    in_place: bool = False
    grads: tuple[bool, ...] = ()  # whether each input needs a gradient; empty in eval mode

    def attrs_as(self, kind: type[AttrsT]) -> AttrsT:
        """Return the attributes, of the class that this kind of node carries."""
        assert isinstance(self.attrs, kind)
        return self.attrs


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter or buffer, counted once however many names it has."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    tensor: int
    trainable: bool = True
    buffer: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        # A dtype that is newer than the table counts as float32.
        return self.numel * DTYPE_BYTES.get(self.dtype, 4)


@dataclass(frozen=True, slots=True)
class Module:
    """A module of the tree by its first path; `type` is its class name."""

    path: str
    type: str


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One call of a module, and the tensors in and out."""

    path: str
    call: int
    first: int
    last: int  # the node after the last one, as in a range
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a forward stopped, and why."""

    path: str
    message: str
    shapes: tuple[tuple[int, ...], ...] = ()  # that the module received
    place: str = ""  # file and line of the model's own code, with the code


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that the trace could not see, so that numbers are lower bounds."""

    what: str
    path: str
    why: str


@dataclass(frozen=True)
class Graph:
    """One forward of a model, as frozen data: what `trace` returns and every analyzer reads.

    Attributes:
        name, mode, build: of which model, in which mode, and how it was built.
        nodes: one per operator call, in call order.
        tensors, storages: every value by its id, and the bytes of the memory that it lives in.
        params: parameters and buffers.
        modules, calls: the module tree, and each call of a module.
        inputs, outputs: tensor ids of the whole forward.
        saved: what autograd keeps, as (storage, module path); None in an eval mode trace.
        failure: where the forward stopped; None where it ran to its end.
        released: for each storage, the number of nodes that had run when its memory was free again,
            as Python held it; empty in a train mode trace.
        recomputed: nodes that the backward pass runs again (activation checkpointing).
        gaps: what the trace could not see.

    Example:
        >>> from archlab import trace
        >>> graph = trace("resnet20")
        >>> graph.nodes[0].kind, graph.shape(graph.outputs[0])
        (<Kind.CONV: 'conv'>, (1, 10))
    """

    name: str
    mode: str
    build: str
    nodes: tuple[Node, ...]
    tensors: tuple[TensorSpec, ...]
    storages: tuple[int, ...]
    params: tuple[Param, ...]
    modules: tuple[Module, ...]
    calls: tuple[ModuleCall, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    saved: tuple[tuple[int, str], ...] | None = None
    failure: Failure | None = None
    released: tuple[int, ...] = ()
    recomputed: tuple[Node, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @cached_property
    def producer(self) -> dict[int, Node]:
        """Tensor id -> the node that made it."""
        return {tensor: node for node in self.nodes for tensor in node.outputs}

    @cached_property
    def consumers(self) -> dict[int, tuple[Node, ...]]:
        """Tensor id -> the nodes that read it, in call order."""
        readers: dict[int, list[Node]] = {}
        for node in self.nodes:
            # x + x reads x once.
            for tensor in dict.fromkeys(node.inputs):
                readers.setdefault(tensor, []).append(node)
        return {tensor: tuple(nodes) for tensor, nodes in readers.items()}

    @cached_property
    def dependent(self) -> frozenset[int]:
        """Tensor ids whose values depend on an input of the model."""
        reached = set(self.inputs)
        for node in self.nodes:
            # new_zeros(x) reads x for its size alone.
            if node.kind != Kind.CREATE and not reached.isdisjoint(node.inputs):
                reached.update(node.outputs)
        return frozenset(reached)

    @cached_property
    def module(self) -> dict[str, Module]:
        """Module path -> module; the model itself has the empty path."""
        return {module.path: module for module in self.modules}

    @cached_property
    def executed(self) -> frozenset[int]:
        """Tensor ids that some node read, or that the forward returns."""
        read = {tensor for node in self.nodes for tensor in node.inputs} | set(self.outputs)
        # A tensor that is no parameter may be a part of one (weights that lie in one flat vector).
        parts = {self.tensors[t].storage for t in read if self.tensors[t].source == "constant"}
        owners = (param.tensor for param in self.params)
        return frozenset(read | {t for t in owners if self.tensors[t].storage in parts})

    @cached_property
    def param_bytes(self) -> dict[str, int]:
        """Name of each parameter and buffer -> bytes; memory that several share is the first's."""
        free = dict(enumerate(self.storages))  # storage -> bytes that no parameter has taken
        taken: set[int] = set()
        sizes = {}
        for param in self.params:
            storage = self.tensors[param.tensor].storage
            size = 0 if param.tensor in taken else min(param.nbytes, free[storage])
            sizes[param.name] = size
            free[storage] -= size
            taken.add(param.tensor)
        return sizes

    def shape(self, tensor: int) -> tuple[int, ...]:
        """Shape of a tensor by id."""
        return self.tensors[tensor].shape

    def input_text(self) -> str:
        """Return the inputs as text: `1x3x224x224 float32`.

        Example:
            >>> from archlab.ir.graph import Graph, TensorSpec
            >>> x = TensorSpec(0, (1, 3, 8, 8), "float32", 0, "input", "x")
            >>> Graph("n", "eval", "meta", (), (x,), (768,), (), (), (), (0,), ()).input_text()
            '1x3x8x8 float32'
        """
        specs = [self.tensors[tensor] for tensor in self.inputs]
        return ", ".join(
            f"{f'{spec.name}=' if spec.name and len(specs) > 1 else ''}"
            f"{'x'.join(map(str, spec.shape)) or 'scalar'} {spec.dtype}"
            for spec in specs
        )
