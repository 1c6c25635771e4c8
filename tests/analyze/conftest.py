"""Five-line graphs without torch: the fixture `build` adds nodes one call at a time."""

from dataclasses import dataclass, field
from math import prod

import pytest

from archlab.ir.graph import (
    DTYPE_BYTES,
    NO_ATTRS,
    Graph,
    Module,
    ModuleCall,
    Node,
    Param,
    TensorSpec,
)
from archlab.ir.kinds import ConvAttrs, Kind, MatmulAttrs


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


@dataclass
class Builder:
    """Adds tensors and nodes in call order; every tensor has a storage of its own."""

    mode: str = "eval"
    nodes: list[Node] = field(default_factory=list)
    tensors: list[TensorSpec] = field(default_factory=list)
    storages: list[int] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    calls: list[ModuleCall] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=lambda: {"": "Net"})
    saved: list[tuple[int, str]] = field(default_factory=list)

    def tensor(self, shape, *, source="", name="", storage=None, dtype="float32") -> int:
        if storage is None:
            storage = len(self.storages)
            self.storages.append(prod(shape) * DTYPE_BYTES[dtype])
        made = TensorSpec(len(self.tensors), tuple(shape), dtype, storage, source, name)
        self.tensors.append(made)
        return made.id

    def input(self, *shape, dtype="float32") -> int:
        self.inputs.append(self.tensor(shape, source="input", name="x", dtype=dtype))
        return self.inputs[-1]

    def param(self, name, *shape, trainable=True, buffer=False, aliases=(), dtype="float32") -> int:
        kind = "buffer" if buffer else "param"
        made = self.tensor(shape, source=kind, name=name, dtype=dtype)
        self.params.append(
            Param(name, tuple(shape), dtype, made, trainable and not buffer, buffer, aliases)
        )
        self._module(name.rpartition(".")[0])
        return made

    def node(
        self, kind, inputs, shape, *, path="", attrs=NO_ATTRS, op="", grads=(), view_of=None,
        dtype="float32",
    ) -> int:  # fmt: skip
        storage = None if view_of is None else self.tensors[view_of].storage
        made = self.tensor(shape, storage=storage, dtype=dtype)
        op = op or f"aten.{kind}"
        self.nodes.append(
            Node(len(self.nodes), kind, op, path, tuple(inputs), (made,), attrs, grads=grads)
        )
        self._module(path)
        return made

    def conv(self, x, out, *, kernel=1, stride=1, padding=None, groups=1, path="", grads=()) -> int:
        """A convolution with a weight and no bias; "same" padding unless told."""
        kernel, stride = pair(kernel), pair(stride)
        pad = tuple(side // 2 for side in kernel) if padding is None else pair(padding)
        batch, channels, *size = self.tensors[x].shape
        sides = [(size[i] + 2 * pad[i] - kernel[i]) // stride[i] + 1 for i in range(2)]
        weight = self.param(
            f"{path}.weight" if path else "weight", out, channels // groups, *kernel
        )
        attrs = ConvAttrs(kernel, stride, pad, (1, 1), groups, bias=False)
        return self.node(
            Kind.CONV, (x, weight), (batch, out, *sides), path=path, attrs=attrs, grads=grads
        )

    def linear(self, x, out, *, path="", grads=()) -> int:
        """x · weightᵀ without bias, as aten.mm."""
        rows, inner = self.tensors[x].shape
        weight = self.param(f"{path}.weight" if path else "weight", out, inner)
        attrs = MatmulAttrs(1, rows, inner, out)
        return self.node(
            Kind.LINEAR, (x, weight), (rows, out), path=path, attrs=attrs, op="aten.mm", grads=grads
        )

    def same(self, kind, x, *, path="", **options) -> int:
        """A node whose output has the shape of `x`."""
        return self.node(kind, (x,), self.tensors[x].shape, path=path, **options)

    def graph(self, *outputs: int, build="by hand") -> Graph:
        return Graph(
            name="net",
            mode=self.mode,
            build=build,
            nodes=tuple(self.nodes),
            tensors=tuple(self.tensors),
            storages=tuple(self.storages),
            params=tuple(self.params),
            modules=tuple(Module(path, kind) for path, kind in self.types.items()),
            calls=tuple(self.calls),
            inputs=tuple(self.inputs),
            outputs=outputs or tuple(self.nodes[-1].outputs if self.nodes else self.inputs),
            saved=tuple(self.saved) if self.mode == "train" else None,
        )

    def _module(self, path: str) -> None:
        while path:
            self.types.setdefault(path, "Layer")
            path = path.rpartition(".")[0]


@pytest.fixture
def build() -> Builder:
    return Builder()


@pytest.fixture
def train() -> Builder:
    return Builder(mode="train")
