"""The receptive field by gradients: which inputs can change a unit at all.

Weights are replaced by positive constants, norms and activations by the identity, max pooling by
average pooling, gates by one. Then an input has a gradient exactly where the wiring of the net
reaches it. Nothing but the model is shared with the symbolic rules, so agreement certifies them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from archlab.probe.watch import kept_outputs
from archlab.result.field import Support

# What moves no position. Dropout is among them, since the module is in eval mode.
IDENTITIES = frozenset(
    {
        "relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish",
        "hardswish", "softplus", "tanh", "prelu", "batch_norm", "layer_norm", "group_norm",
        "instance_norm", "rms_norm", "local_response_norm", "dropout", "alpha_dropout",
        "feature_dropout", "sigmoid", "hardsigmoid", "softmax", "logsigmoid", "clamp",
    }
)  # fmt: skip
GATES = frozenset({"sigmoid", "hardsigmoid"})

# The stand-ins return expanded tensors, which cannot be written, so `out += x` becomes `out + x`.
OUT_OF_PLACE: dict[str, Callable[..., torch.Tensor]] = {
    "add_": torch.add, "__iadd__": torch.add, "mul_": torch.mul, "__imul__": torch.mul,
    "sub_": torch.sub, "__isub__": torch.sub,
}  # fmt: skip


# Where all channels of the terms are equal, those of the result are, too.
SUMS = frozenset({"add", "add_", "__add__", "__radd__", "__iadd__"})
JOINS = frozenset({"cat", "concat", "concatenate"})

# The arguments of torch's convolutions, in the order of their positions.
_COMMON = ("input", "weight", "bias", "stride", "padding")
_CONVOLUTIONS = {
    **{f"conv{rank}d": (*_COMMON, "dilation", "groups") for rank in (1, 2, 3)},
    **{
        f"conv_transpose{rank}d": (*_COMMON, "output_padding", "groups", "dilation")
        for rank in (1, 2, 3)
    },
}


class _Mean(torch.autograd.Function):
    """The mean over the channels, whose gradient is the same for each and takes no memory for it.

    torch's own fills a map a channel in every backward pass, which is nearly all of its time.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.channels = x.shape[1]
        return x.mean(1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        spread: torch.Tensor = grad / ctx.channels
        return spread.expand(-1, ctx.channels, *grad.shape[2:])


class _Repeat(torch.autograd.Function):
    """One map for each channel; the gradients of equal channels are not summed one by one."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, channels: int) -> torch.Tensor:
        ctx.channels = channels
        return x.expand(-1, channels, *x.shape[2:])

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        equal = grad.stride(1) == 0
        return grad[:, :1] * ctx.channels if equal else grad.sum(1, keepdim=True), None


def _repeated(single: torch.Tensor, channels: int) -> torch.Tensor:
    """Return one map for each channel; the attribute `single` keeps the map that all of them are.

    What comes next can then work on that one, forward and backward: in a net with shortcuts or
    concatenations most of the time went into sums of equal gradients.
    """
    out: torch.Tensor = _Repeat.apply(single, channels)
    out.single = single  # type: ignore[attr-defined]
    return out


def _joined(parts: list[torch.Tensor]) -> torch.Tensor:
    """Concatenate the channels of the parts; a pool can then take one part after the other."""
    out = torch.cat(parts, 1)
    out.parts = parts  # type: ignore[attr-defined]
    return out


def _single(x: torch.Tensor) -> torch.Tensor:
    """Return the one map of equal channels, or the mean of others."""
    one: torch.Tensor = x.single if hasattr(x, "single") else _Mean.apply(x)
    return one


def _apart(x: torch.Tensor) -> torch.Tensor:
    """Repeat the one map anew for one consumer; the gradients of many then meet in one channel."""
    return _repeated(x.single, x.shape[1]) if hasattr(x, "single") else x


def _sum(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.Tensor:
    """Add one map of each where all channels are equal."""
    one, other, *rest = args
    if one.shape != other.shape:
        out: torch.Tensor = func(*args, **kwargs)
        return out
    return _repeated(func(one.single, other.single, *rest, **kwargs), one.shape[1])


class _Positive(TorchFunctionMode):
    """Replaces the operators of a model by linear, positive stand-ins."""

    def __torch_function__(self, func: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        function = name.removesuffix("_")  # also where it works in place
        if "input" in kwargs and (function in IDENTITIES or "pool" in name or name == "linear"):
            args = (kwargs.pop("input"), *args)  # torch takes it by name, too
        if function in GATES and args[0].dim() == 4 and set(args[0].shape[2:]) == {1}:
            # Squeeze-and-excitation: a gate from the whole image would make every field infinite.
            return torch.ones_like(args[0])
        if function in IDENTITIES:
            return args[0]
        func = OUT_OF_PLACE.get(name, func)
        if name in SUMS and len(args) > 1 and all(hasattr(term, "single") for term in args[:2]):
            return _sum(func, args, kwargs)
        if name in JOINS and args and (args[1:] or (kwargs.get("dim"),))[0] == 1:
            return _joined([_apart(part) for part in args[0]])
        if name in _CONVOLUTIONS:
            return _convolution(name, args, kwargs)
        if name in ("max_pool1d", "max_pool2d", "max_pool3d"):
            return _once_a_channel(_max_pool, args, kwargs, rank=int(name[-2]))
        if name in ("avg_pool1d", "avg_pool2d", "avg_pool3d"):
            return _once_a_channel(func, args, kwargs, rank=int(name[-2]))
        if name == "linear":
            # Every output reaches every input: the mean of all of them does the same.
            weight = kwargs["weight"] if "weight" in kwargs else args[1]
            return args[0].mean(-1, keepdim=True).expand(*args[0].shape[:-1], weight.shape[0])
        return func(*args, **kwargs)


def supports(
    module: nn.Module,
    image: torch.Tensor,
    units: Mapping[str, Sequence[int]],
    axis: int,
) -> Iterator[Support]:
    """Yield what the units of each named module reach along one axis of the image.

    `module` is a copy in eval mode, and `image` is (1, C, H, W); both are float64 on the CPU, and
    their values do not matter. `units` are indices along the axis, 2 for rows or 3 for columns, by
    the path of the module; what any unit of that row or column reaches is counted.
    """
    image = image.clone().requires_grad_()
    with torch.enable_grad(), _Positive(), kept_outputs(module, units) as outputs:
        module(image)
    for path in units:
        for unit in units[path] if path in outputs else ():
            yield _support(path, outputs[path], image, unit, axis)


def _support(path: str, output: torch.Tensor, image: torch.Tensor, unit: int, axis: int) -> Support:
    # All of the row (or column) and of the channels at once: with positive weights no gradient can
    # cancel another, and a single unit may lie between two pixels, where there is nothing to see.
    line = output.select(axis, unit).sum()
    (gradient,) = torch.autograd.grad(line, image, retain_graph=True)
    other = 3 if axis == 2 else 2
    reached = (gradient != 0).any(dim=other).any(dim=1)[0].nonzero().flatten()
    if not len(reached):
        return Support(path, unit, None, None, 0)
    low, high = int(reached[0]), int(reached[-1])
    return Support(path, unit, low, high, high - low + 1 - len(reached))


def _convolution(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> torch.Tensor:
    """Apply one positive kernel to the mean of the channels."""
    # It reaches what any dense or grouped convolution reaches, for a fraction of the work.
    values = dict(zip(_CONVOLUTIONS[name], args, strict=False)) | dict(kwargs)
    x, weight = values["input"], values["weight"]
    channels = weight.shape[0]
    if "transpose" in name:
        channels = weight.shape[1] * values.get("groups", 1)
    kernel = torch.ones((1, 1, *weight.shape[2:]), dtype=x.dtype) / weight[0, 0].numel()
    values |= {"input": _single(x), "weight": kernel, "bias": None, "groups": 1}
    return _repeated(getattr(functional, name)(**values), channels)


def _once_a_channel(
    pool: Callable[..., torch.Tensor], args: Sequence[Any], kwargs: Mapping[str, Any], rank: int
) -> torch.Tensor:
    """Pool one channel where all are the same map, as they are behind a convolution."""
    x, *rest = args
    # Without a batch, the axis behind the first is one of the map's.
    if x.dim() != rank + 2:
        return pool(x, *rest, **kwargs)
    # Not where something was written into the concatenation: the parts do not have it.
    if hasattr(x, "parts") and x._version == 0:
        return _joined([_once_a_channel(pool, (part, *rest), kwargs, rank) for part in x.parts])
    if x.stride(1) != 0:
        return pool(x, *rest, **kwargs)
    return _repeated(pool(_single(x), *rest, **kwargs), x.shape[1])


def _max_pool(
    x: torch.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,  # noqa: FBT001, FBT002
    **_: Any,
) -> torch.Tensor:
    if dilation not in (1, (1, 1), [1, 1]):
        raise NotImplementedError("a dilated max pool has no average stand-in")
    average = getattr(functional, f"avg_pool{x.dim() - 2}d")
    out: torch.Tensor = average(x, kernel_size, stride, padding, ceil_mode)
    return out
