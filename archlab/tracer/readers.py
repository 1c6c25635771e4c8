"""Readers: functions from an operator call to its kind and attributes; `readers` has the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import torch

from archlab.ir import kinds
from archlab.ir.kinds import Attrs, Kind
from archlab.tracer import boxes
from archlab.tracer.layout import spread


@dataclass(frozen=True, slots=True)
class Call:
    """One operator call: its name, arguments by name, result, and a test for weights."""

    op: str
    values: Mapping[str, Any]
    output: Any
    is_weight: Callable[[torch.Tensor], bool]

    @property
    def function(self) -> str:
        """The bare name, without namespace, in-place underscore or private mark."""
        return self.op.rpartition(".")[2].strip("_")

    def first(self) -> torch.Tensor:
        """Return the first tensor argument."""
        return next(value for value in self.values.values() if isinstance(value, torch.Tensor))


Reading = tuple[Kind, Attrs]
Reader = Callable[[Call], Reading]


def convolution(call: Call) -> Reading:
    """Plain or transposed, any number of axes."""
    values = call.values
    rank = values["weight"].dim() - 2
    attrs = kinds.ConvAttrs(
        kernel=tuple(values["weight"].shape[2:]),
        stride=spread(values["stride"], rank),
        padding=spread(values["padding"], rank),
        dilation=spread(values["dilation"], rank),
        groups=values["groups"],
        bias=values.get("bias") is not None,
        output_padding=spread(values["output_padding"], rank) if values["transposed"] else (),
    )
    return (Kind.CONV_TRANSPOSE if values["transposed"] else Kind.CONV), attrs


def deform_conv(call: Call) -> Reading:
    """Torchvision's deformable convolution; its offsets move the taps and add no products."""
    values = call.values
    attrs = kinds.ConvAttrs(
        kernel=tuple(values["weight"].shape[2:]),
        stride=(values["stride_h"], values["stride_w"]),
        padding=(values["pad_h"], values["pad_w"]),
        dilation=(values["dilation_h"], values["dilation_w"]),
        groups=values["groups"],
        bias=values["bias"] is not None,
        deformable=True,
    )
    return Kind.CONV, attrs


def matmul(left: str, right: str) -> Reader:
    """Return a reader of a matrix product; vectors count as one row or one column."""

    def read(call: Call) -> Reading:
        a, b = call.values[left], call.values[right]
        kind = Kind.LINEAR if call.is_weight(a) or call.is_weight(b) else Kind.MATMUL
        columns = b.shape[-1] if b.dim() > 1 else 1
        if a.layout is not torch.strided:
            # Each element that is kept is multiplied with a row of the other matrix.
            return kind, kinds.MatmulAttrs(batch=1, rows=a._nnz(), inner=1, columns=columns)
        return kind, kinds.MatmulAttrs(
            batch=a.shape[0] if a.dim() == 3 else 1,
            rows=a.shape[-2] if a.dim() > 1 else 1,
            inner=a.shape[-1],
            columns=columns,
        )

    return read


def grouped_matmul(call: Call) -> Reading:
    """Groups of rows (or columns) with a matrix each, as the experts of a mixture have them."""
    a, b = call.values["self"], call.values["mat2"]
    kind = Kind.LINEAR if call.is_weight(a) or call.is_weight(b) else Kind.MATMUL
    # Where one operand is a stack of matrices alone, each row of the other meets one of them.
    batch = a.shape[0] if a.dim() == b.dim() == 3 else 1
    return kind, kinds.MatmulAttrs(batch, a.shape[-2], a.shape[-1], b.shape[-1])


def linear(call: Call) -> Reading:
    """X · weightᵀ in one call, which only happens where autograd is switched off altogether."""
    x, weight = call.values["input"], call.values["weight"]
    kind = Kind.LINEAR if call.is_weight(weight) or call.is_weight(x) else Kind.MATMUL
    inner = weight.shape[-1]
    rows = x.numel() // inner if inner else 0  # a nested tensor has no shape
    return kind, kinds.MatmulAttrs(1, rows, inner, prod(weight.shape[:-1]))


def attention(call: Call) -> Reading:
    """softmax(q · kᵀ) · v in one call: (batch, heads, length, size)."""
    query, key, value = call.values["query"], call.values["key"], call.values["value"]
    return Kind.ATTENTION, kinds.AttentionAttrs(
        batch=prod(query.shape[:-2]),
        queries=query.shape[-2],
        keys=key.shape[-2],
        head_size=query.shape[-1],
        value_size=value.shape[-1],
        causal=bool(call.values.get("is_causal")),
    )


def mkldnn_rnn(call: Call) -> Reading:
    """One layer and direction of a fused LSTM or GRU on the CPU; input is (steps, batch, size)."""
    x, hidden = call.values["input"], call.values["hidden_size"]
    gates = {2: 4, 3: 3}.get(call.values["mode"], 1)  # torch's modes: 2 is an LSTM, 3 a GRU
    return Kind.RECURRENT, kinds.RecurrentAttrs(x.shape[0], x.shape[1], x.shape[2], hidden, gates)


def norm(name: str) -> Reader:
    """Return a reader of a normalisation."""

    def read(call: Call) -> Reading:
        values, x = call.values, call.first()
        axes = tuple(values.get("normalized_shape") or ())
        # `_batch_norm_with_update` has no such argument: it only exists for training.
        training = bool(values.get("training", call.function == "batch_norm_with_update"))
        return Kind.NORM, kinds.NormAttrs(
            norm=name,
            batch_stats=training if name == "batch" else name == "group",
            affine=values.get("weight") is not None,
            axes=tuple(range(x.dim() - len(axes), x.dim())),
        )

    return read


def pool(mode: str) -> Reader:
    """Return a reader of pooling windows."""

    def read(call: Call) -> Reading:
        values = call.values
        rank = int(call.op[call.op.index("pool") + 4])
        kernel = spread(values["kernel_size"], rank)
        return Kind.POOL, kinds.PoolAttrs(
            mode=mode,
            kernel=kernel,
            stride=spread(values["stride"], rank) if values.get("stride") else kernel,
            padding=spread(values.get("padding", 0), rank),
            dilation=spread(values.get("dilation", 1), rank),
            ceil_mode=bool(values.get("ceil_mode", False)),
        )

    return read


def adaptive_pool(mode: str) -> Reader:
    """Return a reader of pooling to a given output size."""

    def read(_: Call) -> Reading:
        return Kind.POOL, kinds.PoolAttrs(mode, (), (), (), (), adaptive=True)

    return read


def mean(call: Call) -> Reading:
    """A mean. Over [-1, -2] with the axes kept, it is adaptive pooling to 1×1 as torch runs it."""
    axes = call.values.get("dim")
    if call.values.get("keepdim") and list(axes or ()) == [-1, -2]:
        return Kind.POOL, kinds.PoolAttrs("average", (), (), (), (), adaptive=True)
    return reduce(call)


def reduce(call: Call) -> Reading:
    """A reduction over some axes, or over all."""
    axes = call.values.get("dim")
    return Kind.REDUCE, _along(call, tuple(range(call.first().dim())) if axes is None else axes)


def softmax(call: Call) -> Reading:
    """Softmax or its logarithm along one axis."""
    return Kind.SOFTMAX, _along(call, call.values["dim"])


def _along(call: Call, axes: int | Sequence[int]) -> kinds.AxesAttrs:
    rank = max(call.first().dim(), 1)
    # An empty list of axes means all of them, in torch's reductions.
    chosen = (axes,) if isinstance(axes, int) else tuple(axes) or tuple(range(rank))
    keep = bool(call.values.get("keepdim", False))
    return kinds.AxesAttrs(call.function, tuple(axis % rank for axis in chosen), keep)


def concat(call: Call) -> Reading:
    """Join along an axis of the inputs (cat) or along a new one (stack)."""
    first = call.values["tensors"][0]
    rank = first.dim() + (call.function == "stack")
    return Kind.CONCAT, kinds.AxesAttrs(call.function, (call.values["dim"] % max(rank, 1),))


def squeeze(call: Call) -> Reading:
    """An axis of size 1 that is added, or all those that are removed."""
    shape, axes = call.first().shape, call.values.get("dim", range(call.first().dim()))
    chosen = [axes] if isinstance(axes, int) else axes
    rank = max(len(shape) + (call.function == "unsqueeze"), 1)
    axes = tuple(axis % rank for axis in chosen)
    if call.function == "squeeze":
        axes = tuple(axis for axis in axes if shape and shape[axis] == 1)
    return Kind.RESHAPE, kinds.AxesAttrs(call.function, axes)


def permute(call: Call) -> Reading:
    """Any reordering of axes."""
    rank = call.first().dim()
    order = list(range(rank))
    if "dims" in call.values:
        order = [axis % rank for axis in call.values["dims"]]
    elif rank > 1:
        a, b = call.values.get("dim0", 0) % rank, call.values.get("dim1", 1) % rank
        order[a], order[b] = order[b], order[a]
    return Kind.PERMUTE, kinds.PermuteAttrs(tuple(order))


def take_slice(call: Call) -> Reading:
    """A range of an axis, a stride, or a single position."""
    values, x = call.values, call.first()
    axis = values["dim"] % x.dim()
    size = x.shape[axis]
    if "index" in values:
        return Kind.SLICE, kinds.SliceAttrs(axis, (values["index"] % size,), drop=True)
    start = values.get("start") or 0
    start = min(max(start + size if start < 0 else start, 0), size)
    return Kind.SLICE, kinds.SliceAttrs(axis, (start,), values.get("step", 1))


def split(call: Call) -> Reading:
    """Consecutive parts of an axis, one output each."""
    axis = call.values["dim"] % call.first().dim()
    starts, position = [], 0
    for part in call.output:
        starts.append(position)
        position += part.shape[axis]
    return Kind.SLICE, kinds.SliceAttrs(axis, tuple(starts))


def unbind(call: Call) -> Reading:
    """Single positions of an axis, one output each, without that axis."""
    axis = call.values["dim"] % call.first().dim()
    return Kind.SLICE, kinds.SliceAttrs(axis, tuple(range(len(call.output))), drop=True)


def pad(mode: str) -> Reader:
    """Return a reader of padding; aten lists it from the last axis, before and after."""

    def read(call: Call) -> Reading:
        amounts = list(call.values.get("pad", call.values.get("padding")) or ())
        missing = call.first().dim() - len(amounts) // 2
        before = (0,) * missing + tuple(reversed(amounts[0::2]))
        after = (0,) * missing + tuple(reversed(amounts[1::2]))
        return Kind.PAD, kinds.PadAttrs(mode, before, after)

    return read


def resample(mode: str) -> Reader:
    """Return a reader of interpolation."""

    def read(call: Call) -> Reading:
        values = call.values
        # One argument an axis, named after it: scales_h, or scales alone for one axis.
        scales = tuple(value for name, value in values.items() if name.startswith("scale"))
        return Kind.RESAMPLE, kinds.ResampleAttrs(
            mode,
            align_corners=bool(values.get("align_corners", False)),
            scales=scales if any(scales) else (),
            antialias=call.op.endswith("_aa"),
            centred="exact" in call.op,
        )

    return read


def unfold(call: Call) -> Reading:
    """Windows as columns, or columns as an image again; `Tensor.unfold` slides along one axis."""
    values = call.values
    if "kernel_size" not in values:
        axis = values["dimension"] % call.first().dim()
        attrs = kinds.UnfoldAttrs((axis,), (values["size"],), (values["step"],), (0,), (1,))
        return Kind.GATHER, attrs
    folds = call.function == "col2im"
    # The image is a matrix a channel: of the input when it is cut, of the output when put together.
    rank = (call.output if folds else call.first()).dim()
    names = ("kernel_size", "stride", "padding", "dilation")
    windows = (spread(values[name], 2) for name in names)
    kind = Kind.SCATTER if folds else Kind.GATHER
    return kind, kinds.UnfoldAttrs((rank - 2, rank - 1), *windows)


def roll(call: Call) -> Reading:
    """A cyclic shift."""
    rank = call.first().dim()
    axes = tuple(axis % rank for axis in call.values["dims"])
    return Kind.GATHER, kinds.RollAttrs(axes, tuple(call.values["shifts"]))


def flip(call: Call) -> Reading:
    """The opposite order along some axes."""
    return Kind.GATHER, _along(call, call.values["dims"])


def place(call: Call) -> Reading:
    """A tensor with a value in a range, or at one position, of an axis: as a slice write."""
    tensor, source, values = call.values["self"], call.values["src"], call.values
    axis = values["dim"] % max(tensor.dim(), 1)
    shape, whole = tuple(tensor.shape), boxes.whole(tensor.shape)
    if "index" in values:
        spans = [(0, 1, size, i - (i > axis)) for i, size in enumerate(shape)]
        spans[axis] = (values["index"] % shape[axis], 1, 1, -1)
    else:
        start = values.get("start") or 0
        start = min(max(start + shape[axis] if start < 0 else start, 0), shape[axis])
        spans = [*whole]
        spans[axis] = (start, values.get("step", 1), source.shape[axis], axis)
    return Kind.SCATTER, kinds.PlaceAttrs((whole, tuple(spans)))


def function(kind: Kind) -> Reader:
    """Return a reader that keeps the function's name, and the number that it computes with."""

    def read(call: Call) -> Reading:
        values = call.values
        tensors = sum(isinstance(value, torch.Tensor) for value in values.values())
        number: Any = next(
            (values[name] for name in ("other", "exponent", "p") if name in values), None
        )
        # With a factor for the number, too, no one number tells what is done.
        told = isinstance(number, int | float) and values.get("alpha", 1) == 1
        if not told or not isfinite(number):
            number = None
        return kind, kinds.FunctionAttrs(call.function, scalar=tensors < 2, number=number)

    return read
