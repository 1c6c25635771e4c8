"""Graphs of a few lines, made by hand: no torch, no trace."""

from __future__ import annotations

from dataclasses import dataclass, field

from archlab.ir.graph import Failure, Graph, Module, ModuleCall, Node, Param, TensorSpec
from archlab.ir.kinds import (
    Attrs,
    AxesAttrs,
    ConvAttrs,
    FunctionAttrs,
    Kind,
    NormAttrs,
    PoolAttrs,
    ResampleAttrs,
)

IMAGE = (1, 8, 16, 16)


@dataclass
class Maker:
    """Adds operators one by one; each returns the tensor it makes."""

    nodes: list[Node] = field(default_factory=list)
    tensors: list[TensorSpec] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=lambda: {"": "Net"})
    calls: list[ModuleCall] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)

    def tensor(self, shape=IMAGE, source="", name="") -> int:
        number = len(self.tensors)
        self.tensors.append(TensorSpec(number, tuple(shape), "float32", number, source, name))
        return number

    def input(self, shape=IMAGE, name="x") -> int:
        self.inputs.append(self.tensor(shape, "input", name))
        return self.inputs[-1]

    def param(self, name, shape) -> int:
        number = self.tensor(shape, "param", name)
        self.params.append(Param(name, tuple(shape), "float32", number))
        return number

    def node(self, kind, op, path, inputs, shape=IMAGE, attrs: Attrs | None = None) -> int:
        out = self.tensor(shape)
        made = Node(len(self.nodes), kind, f"aten.{op}", path, tuple(inputs), (out,),
                    attrs or FunctionAttrs(op))  # fmt: skip
        self.nodes.append(made)
        return out

    def leaf(self, path, kind_name, number_before) -> None:
        """A module call around the nodes made since `number_before`."""
        self.modules.setdefault(path, kind_name)
        call = sum(done.path == path for done in self.calls)
        self.calls.append(ModuleCall(path, call, number_before, len(self.nodes), (), ()))

    def conv(self, x, path, kernel=3, stride=1, channels=8, groups=1) -> int:
        before = len(self.nodes)
        taken = self.tensors[x].shape[1]
        weight = self.param(f"{path}.weight", (channels, taken // groups, kernel, kernel))
        shape = (1, channels, *(size // stride for size in self.tensors[x].shape[2:]))
        attrs = ConvAttrs((kernel,) * 2, (stride,) * 2, (kernel // 2,) * 2, (1, 1), groups,
                          bias=False)  # fmt: skip
        out = self.node(Kind.CONV, "convolution", path, [x, weight], shape, attrs)
        self.leaf(path, "Conv2d", before)
        return out

    def norm(self, x, path) -> int:
        before = len(self.nodes)
        weight = self.param(f"{path}.weight", (self.tensors[x].shape[1],))
        attrs = NormAttrs("batch", batch_stats=False, affine=True)
        out = self.node(Kind.NORM, "native_batch_norm", path, [x, weight],
                        self.tensors[x].shape, attrs)  # fmt: skip
        self.leaf(path, "BatchNorm2d", before)
        return out

    def relu(self, x, path, *, module=True) -> int:
        before = len(self.nodes)
        out = self.node(Kind.ACTIVATION, "relu", path, [x], self.tensors[x].shape)
        if module:
            self.leaf(path, "ReLU", before)
        return out

    def add(self, a, b, path) -> int:
        return self.node(Kind.ELEMENTWISE, "add", path, [a, b], self.tensors[a].shape)

    def cat(self, parts, path) -> int:
        first = self.tensors[parts[0]].shape
        shape = (1, sum(self.tensors[part].shape[1] for part in parts), *first[2:])
        return self.node(Kind.CONCAT, "cat", path, parts, shape, AxesAttrs("cat", (1,)))

    def pool(self, x, path, size=2) -> int:
        before = len(self.nodes)
        n, c, h, w = self.tensors[x].shape
        attrs = PoolAttrs("max", (size,) * 2, (size,) * 2, (0, 0), (1, 1))
        out = self.node(Kind.POOL, "max_pool2d", path, [x], (n, c, h // size, w // size), attrs)
        self.leaf(path, "MaxPool2d", before)
        return out

    def pad_channels(self, x, path, channels) -> int:
        n, c, h, w = self.tensors[x].shape
        half = self.node(Kind.SLICE, "slice", path, [x], (n, c, h // 2, w // 2))
        return self.node(Kind.PAD, "constant_pad_nd", path, [half], (n, channels, h // 2, w // 2))

    def block(self, x, path, kind="Block", channels=None, *, shortcut=True) -> int:
        """conv, norm, relu, conv, norm, ⊕, relu, as in a residual net."""
        before = len(self.nodes)
        width = channels or self.tensors[x].shape[1]
        stride = 1 if width == self.tensors[x].shape[1] else 2
        y = self.relu(self.norm(self.conv(x, f"{path}.conv1", stride=stride, channels=width),
                                f"{path}.bn1"), f"{path}.relu1")  # fmt: skip
        y = self.norm(self.conv(y, f"{path}.conv2", channels=width), f"{path}.bn2")
        if shortcut:
            way = x if stride == 1 else self.pad_channels(x, path, width)
            y = self.add(y, way, path)
        y = self.relu(y, f"{path}.relu2")
        self.leaf(path, kind, before)
        return y

    def graph(self, outputs, failure: Failure | None = None, *, root=True) -> Graph:
        if root and failure is None:
            self.calls.append(ModuleCall("", 0, 0, len(self.nodes), (), tuple(outputs)))
        return Graph(
            name="net",
            mode="eval",
            build="by hand",
            nodes=tuple(self.nodes),
            tensors=tuple(self.tensors),
            storages=tuple(4 * spec.numel for spec in self.tensors),
            params=tuple(self.params),
            modules=tuple(Module(path, kind) for path, kind in self.modules.items()),
            calls=tuple(self.calls),
            inputs=tuple(self.inputs),
            outputs=tuple(outputs),
            failure=failure,
        )


def titles(drawing) -> list[str]:
    """What stands on each box of a drawing."""
    return [" · ".join((box.title, *box.fused)) for box in drawing.boxes]


def residual(blocks=4, *, shortcut=True) -> Graph:
    """A stem and equal residual blocks in a Sequential."""
    make = Maker()
    x = make.relu(make.norm(make.conv(make.input((1, 3, 16, 16)), "stem"), "bn"), "relu")
    before = len(make.nodes)
    for i in range(blocks):
        x = make.block(x, f"layer.{i}", shortcut=shortcut)
    make.leaf("layer", "Sequential", before)
    return make.graph([x])


def inception() -> Graph:
    """Four branches between an input and a concatenation; the last is a pool and a 1×1."""
    make = Maker()
    x = make.conv(make.input(), "stem")
    block = len(make.nodes)
    parts = []
    for name, kernels in (("b1", (1,)), ("b2", (1, 3)), ("b3", (1, 5))):
        before, y = len(make.nodes), x
        for i, kernel in enumerate(kernels):
            y = make.conv(y, f"mix.{name}.{i}", kernel=kernel)
        make.leaf(f"mix.{name}", "Sequential", before)
        parts.append(y)
    before = len(make.nodes)
    y = make.conv(make.pool(x, "mix.b4.0", size=1), "mix.b4.1", kernel=1)
    make.leaf("mix.b4", "Sequential", before)
    x = make.cat([*parts, y], "mix")
    make.leaf("mix", "Inception", block)
    return make.graph([x])


def dense(layers=5, growth=4) -> Graph:
    """Each layer reads the concatenation of the input and of all layers before."""
    make = Maker()
    x = make.conv(make.input(), "stem")
    found, block = [x], len(make.nodes)
    for i in range(layers):
        before = len(make.nodes)
        y = make.cat(found, f"dense.layer{i}")
        found.append(make.conv(y, f"dense.layer{i}.conv", channels=growth))
        make.leaf(f"dense.layer{i}", "DenseLayer", before)
    x = make.cat(found, "dense")
    make.leaf("dense", "DenseBlock", block)
    return make.graph([make.conv(x, "head", kernel=1)])


def u_net() -> Graph:
    """Down, across, up: the map before the pool joins again by concatenation."""
    make = Maker()
    x = make.conv(make.input(), "down")
    y = make.conv(make.pool(x, "pool"), "bottom")
    up = make.node(Kind.RESAMPLE, "upsample_nearest2d", "", [y], IMAGE, ResampleAttrs("nearest"))
    return make.graph([make.conv(make.cat([up, x], ""), "head")])
