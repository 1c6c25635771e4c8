"""Example inputs: what a user writes, or the size that the model's source publishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from archlab.errors import OptionError, SpecError, keyword
from archlab.resolve.sources import Source
from archlab.spec import InputSpec, parse_input

InputLike = str | Sequence[Any] | Mapping[str, Any] | torch.Tensor | InputSpec
Input = InputSpec | torch.Tensor
_SIZES = {1: (1024,), 2: (224, 224), 3: (16, 112, 112)}  # guesses, by the number of spatial axes


@dataclass(frozen=True)
class Inputs:
    """Positional and keyword inputs, each a spec or a tensor."""

    args: tuple[Input, ...]
    kwargs: tuple[tuple[str, Input], ...] = ()
    listed: bool = False  # the images are wrapped in a list, as torchvision's detectors take them
    note: str = ""  # shown in headers

    def attempts(self, batch: int | None) -> list[Inputs]:
        """Return the inputs with full shapes, the likeliest reading first."""
        readings: list[Sequence[Input]] = [
            [replace(each, shape=shape, exact=True) for shape in each.shapes(batch)]
            if isinstance(each, InputSpec)
            else [_batched(each, batch)]
            for each in self._all()
        ]
        attempts = []
        for i in range(max(map(len, readings), default=1)):
            # An input with fewer readings than another keeps its last one.
            inputs = [reading[min(i, len(reading) - 1)] for reading in readings]
            args, values = tuple(inputs[: len(self.args)]), inputs[len(self.args) :]
            kwargs = tuple(zip(dict(self.kwargs), values, strict=True))
            attempts.append(replace(self, args=args, kwargs=kwargs))
        return attempts

    def tensors(
        self, device: str, make: Callable[[InputSpec], torch.Tensor] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return args and kwargs as tensors: shapes alone on "meta", values on "cpu".

        `make` gives the values of inputs of which only the shape is known; noise by default.
        """
        tensors = [
            make(each)
            if make is not None and isinstance(each, InputSpec)
            else _tensor(each, device)
            for each in self._all()
        ]
        args = tuple(tensors[: len(self.args)])
        named = dict(zip(dict(self.kwargs), tensors[len(self.args) :], strict=True))
        if self.listed:
            return ([image for batch in args for image in batch.unbind(0)],), named
        return args, named

    def _all(self) -> list[Input]:
        return [*self.args, *(value for _, value in self.kwargs)]


def given_inputs(value: InputLike) -> Inputs:
    """Return inputs from what a user wrote: text, a shape, tensors, or a mapping of those.

    A tuple of whole numbers is one shape; a sequence of anything else is several inputs; a mapping
    is keyword inputs.

    Raises:
        SpecError: something that is none of these.
    """
    if isinstance(value, Mapping):
        return Inputs((), tuple((name, _input(each)) for name, each in value.items()))
    is_one = isinstance(value, str | torch.Tensor) or _is_shape(value)
    several = value if isinstance(value, Sequence) and not is_one else [value]
    inputs = [_input(each) for each in several]
    named = tuple((each.name, each) for each in inputs if isinstance(each, InputSpec) and each.name)
    positional = tuple(each for each in inputs if not (isinstance(each, InputSpec) and each.name))
    return Inputs(positional, named)


def default_inputs(source: Source | None, module: nn.Module) -> Inputs:
    """Return the inputs that the model's source publishes, or a guess from its first layer.

    Raises:
        SpecError: nothing to go by.
    """
    if source is not None and source.family.startswith("torchvision."):
        return _torchvision_inputs(source, module)
    example = getattr(module, "example_input_array", None)  # as a LightningModule calls it
    if isinstance(example, torch.Tensor | tuple | Mapping):
        return given_inputs(example)
    for shape in (
        getattr(module, "input_shape", None),  # the zoo's
        (getattr(module, "pretrained_cfg", None) or {}).get("input_size"),  # timm's
    ):
        if isinstance(shape, Sequence) and _is_shape(shape):
            return Inputs((InputSpec((1, *shape), _dtype(module), exact=True),))
    return _guessed(module)


def _dtype(module: nn.Module) -> str:
    """The dtype of the first floating-point parameter, so that a half-precision model fits."""
    dtypes = (weight.dtype for weight in module.parameters() if weight.dtype.is_floating_point)
    return str(next(dtypes, torch.float32)).removeprefix("torch.")


def _batched(tensor: torch.Tensor, batch: int | None) -> torch.Tensor:
    """One sample repeated to a batch; a tensor that already has another batch is refused."""
    if batch is None or not tensor.dim() or tensor.shape[0] == batch:
        return tensor
    if tensor.shape[0] != 1:
        raise OptionError(
            f"The batch is given twice: {keyword('batch', batch)} and an input of "
            f"{'x'.join(map(str, tensor.shape))}. Leave one of them out."
        )
    return tensor.repeat(batch, *[1] * (tensor.dim() - 1))


def _is_shape(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and len(value) > 0
        and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
    )


def _input(value: Any) -> Input:
    if isinstance(value, str):
        return parse_input(value)
    if isinstance(value, torch.Tensor | InputSpec):
        return value
    if _is_shape(value) and min(value) > 0:
        return InputSpec(tuple(value))
    raise SpecError(
        f"{value!r} is no input. Allowed: a text ('3x224x224', 'ids=2x20:int64'), a shape "
        "((1, 3, 224, 224)), a tensor, a sequence of those, or a mapping of names to those."
    )


def _tensor(source: Input, device: str) -> torch.Tensor:
    if isinstance(source, torch.Tensor):
        if device == "meta":
            strides, dtype = source.stride(), source.dtype
            return torch.empty_strided(source.shape, strides, dtype=dtype, device="meta")
        return source.detach().to("cpu", copy=True)
    dtype = getattr(torch, source.dtype)
    if device == "meta":
        return torch.empty(source.shape, dtype=dtype, device="meta")
    if dtype.is_floating_point:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(source.shape, generator=generator).to(dtype)
    # Integers are tokens or indices: zero is valid for any vocabulary.
    return torch.zeros(source.shape, dtype=dtype)


def _torchvision_inputs(source: Source, module: nn.Module) -> Inputs:
    """The crop that the published weights were measured at; fixed sizes for the other tasks."""
    # Imported here, as it takes 1.5 s and only torchvision's own models need it.
    from torchvision.models import get_model_weights

    family = source.family.rpartition(".")[2]
    if family == "detection":
        return Inputs((_batch_of(3, 800, 800),), listed=True)
    if family == "segmentation":
        return Inputs((_batch_of(3, 520, 520),))
    if family == "optical_flow":
        return Inputs((_batch_of(3, 512, 512),) * 2)
    crops = {
        weights.name: weights.transforms.keywords["crop_size"]
        for weights in get_model_weights(source.name.partition(":")[2])
        if "crop_size" in getattr(weights.transforms, "keywords", {})
    }
    # A vision transformer only takes the size that it was built for.
    built_for = getattr(module, "image_size", None)
    size = built_for or crops.get("IMAGENET1K_V1") or min(crops.values(), default=224)
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    if family == "video":
        return Inputs((_batch_of(3, 16, height, width),))
    return Inputs((_batch_of(3, height, width),))


def _batch_of(*sizes: int) -> InputSpec:
    return InputSpec((1, *sizes), exact=True)


def _guessed(module: nn.Module) -> Inputs:
    note = f"guessed from the first layer; choose it with {keyword('input')}"
    for member in module.modules():
        if isinstance(member, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            shape = (1, member.in_channels, *_SIZES[len(member.kernel_size)])
        elif isinstance(member, nn.Linear):
            shape = (1, member.in_features)
        elif isinstance(member, nn.RNNBase):
            shape = (1, 16, member.input_size)
        elif isinstance(member, nn.Embedding):
            return Inputs((InputSpec((1, 16), "int64"),), note=note)
        else:
            continue
        if min(shape) > 0:  # a lazy layer has 0 channels until its first forward
            return Inputs((InputSpec(shape, _dtype(module), exact=True),), note=note)
    raise SpecError(
        f"{type(module).__name__} says nothing about its input. Give one with {keyword('input')}, "
        f"for example {keyword('input', '3x224x224')} or {keyword('input', 'ids=1x16:int64')}."
    )
