"""Example inputs: from text, shapes or tensors, or the size that the model's source publishes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from archlab.errors import OptionError, SpecError
from archlab.resolve.sources import Source
from archlab.spec import InputSpec, parse_input

InputLike = str | Sequence[Any] | Mapping[str, Any] | torch.Tensor | InputSpec
_SIZES = {1: (1024,), 2: (224, 224), 3: (16, 112, 112)}  # by spatial axes


@dataclass(frozen=True)
class Inputs:
    """Positional and keyword inputs, each a spec or a tensor; `listed` wraps images in a list."""

    args: tuple[InputSpec | torch.Tensor, ...]
    kwargs: tuple[tuple[str, InputSpec | torch.Tensor], ...] = ()
    listed: bool = False
    note: str = ""

    def attempts(self, batch: int | None) -> list[Inputs]:
        """Return the inputs with full shapes, the likeliest reading first."""
        options: list[Sequence[InputSpec | torch.Tensor]] = [
            [replace(item, shape=shape, exact=True) for shape in item.shapes(batch)]
            if isinstance(item, InputSpec)
            else [_batched(item, batch)]
            for item in self._all()
        ]
        return [
            self._replaced([choice[min(i, len(choice) - 1)] for choice in options])
            for i in range(max(map(len, options), default=1))
        ]

    def tensors(
        self, device: str, make: Callable[[InputSpec], torch.Tensor] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return args and kwargs as tensors: shapes alone on "meta", values on "cpu".

        `make` gives the values of what is described and not given; noise by default.
        """
        made = [
            make(item)
            if make is not None and isinstance(item, InputSpec)
            else _tensor(item, device)
            for item in self._all()
        ]
        args, kwargs = tuple(made[: len(self.args)]), made[len(self.args) :]
        named = {name: item for (name, _), item in zip(self.kwargs, kwargs, strict=True)}
        if self.listed:
            return ([image for batch in args for image in batch.unbind(0)],), named
        return args, named

    def _all(self) -> list[InputSpec | torch.Tensor]:
        return [*self.args, *(item for _, item in self.kwargs)]

    def _replaced(self, items: Sequence[InputSpec | torch.Tensor]) -> Inputs:
        names = [name for name, _ in self.kwargs]
        kwargs = tuple(zip(names, items[len(self.args) :], strict=True))
        return replace(self, args=tuple(items[: len(self.args)]), kwargs=kwargs)


def given_inputs(given: InputLike) -> Inputs:
    """Return inputs from what a user wrote: text, a shape, tensors, or a mapping of those.

    A tuple of whole numbers is one shape; a sequence of anything else is several inputs; a mapping
    is keyword inputs.

    Raises:
        SpecError: something that is none of these.
    """
    if isinstance(given, str | torch.Tensor | InputSpec) or _is_shape(given):
        given = [given]
    if isinstance(given, Mapping):
        return Inputs((), tuple((name, _one(item)) for name, item in given.items()))
    items = [_one(item) for item in (given if isinstance(given, Sequence) else [given])]
    named = tuple((item.name, item) for item in items if isinstance(item, InputSpec) and item.name)
    plain = tuple(item for item in items if not (isinstance(item, InputSpec) and item.name))
    return Inputs(plain, named)


def default_inputs(source: Source | None, module: nn.Module) -> Inputs:
    """Return the inputs that the model's source publishes, or a guess from its first layer.

    Raises:
        SpecError: nothing to go by.
    """
    if source is not None and source.family.startswith("torchvision."):
        return _torchvision_inputs(source, module)
    example = getattr(module, "example_input_array", None)  # Lightning's name for it
    if isinstance(example, torch.Tensor | tuple | Mapping):
        return given_inputs(example)
    for shape in (
        getattr(module, "input_shape", None),
        (getattr(module, "pretrained_cfg", None) or {}).get("input_size"),
    ):
        if isinstance(shape, Sequence) and _is_shape(shape):
            return Inputs((InputSpec((1, *shape), _dtype(module), exact=True),))
    return _guessed(module)


def _dtype(module: nn.Module) -> str:
    """The dtype of the first floating-point parameter, so that a half-precision model fits."""
    found = (item.dtype for item in module.parameters() if item.dtype.is_floating_point)
    return str(next(found, torch.float32)).removeprefix("torch.")


def _batched(tensor: torch.Tensor, batch: int | None) -> torch.Tensor:
    """One sample repeated to a batch; a tensor that already has another batch is refused."""
    if batch is None or not tensor.dim() or tensor.shape[0] == batch:
        return tensor
    if tensor.shape[0] != 1:
        raise OptionError(
            f"The batch is given twice: batch={batch} and an input of "
            f"{'x'.join(map(str, tensor.shape))}. Leave one of them out."
        )
    return tensor.repeat(batch, *[1] * (tensor.dim() - 1))


def _is_shape(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and len(value) > 0
        and all(isinstance(item, int) and not isinstance(item, bool) for item in value)
    )


def _one(item: Any) -> InputSpec | torch.Tensor:
    if isinstance(item, str):
        return parse_input(item)
    if isinstance(item, torch.Tensor | InputSpec):
        return item
    if _is_shape(item) and min(item) > 0:
        return InputSpec(tuple(item))
    raise SpecError(
        f"{item!r} is no input. Allowed: a text ('3x224x224', 'ids=2x20:int64'), a shape "
        "((1, 3, 224, 224)), a tensor, a sequence of those, or a mapping of names to those."
    )


def _tensor(item: InputSpec | torch.Tensor, device: str) -> torch.Tensor:
    if isinstance(item, torch.Tensor):
        if device == "meta":
            return torch.empty_strided(item.shape, item.stride(), dtype=item.dtype, device="meta")
        return item.detach().to("cpu", copy=True)
    dtype: torch.dtype = getattr(torch, item.dtype)
    if device == "meta":
        return torch.empty(item.shape, dtype=dtype, device="meta")
    if dtype.is_floating_point:
        generator = torch.Generator().manual_seed(0)
        return torch.randn(item.shape, generator=generator).to(dtype)
    return torch.zeros(item.shape, dtype=dtype)


def _torchvision_inputs(source: Source, module: nn.Module) -> Inputs:
    """The crop that the published weights were measured at; fixed sizes for the other tasks."""
    from torchvision.models import get_model_weights  # here: costs 1.5 s, only for its own models

    family = source.family.rpartition(".")[2]
    if family == "detection":
        return Inputs((_batch_of(3, 800, 800),), listed=True)
    if family == "segmentation":
        return Inputs((_batch_of(3, 520, 520),))
    if family == "optical_flow":
        return Inputs((_batch_of(3, 512, 512),) * 2)
    weights = {item.name: item for item in get_model_weights(source.name.partition(":")[2])}
    crops = {
        name: item.transforms.keywords["crop_size"]
        for name, item in weights.items()
        if "crop_size" in getattr(item.transforms, "keywords", {})
    }
    own = getattr(module, "image_size", None)
    size = own or crops.get("IMAGENET1K_V1") or min(crops.values(), default=224)
    height, width = (size, size) if isinstance(size, int) else tuple(size)
    if family == "video":
        return Inputs((_batch_of(3, 16, height, width),))
    return Inputs((_batch_of(3, height, width),))


def _batch_of(*sizes: int) -> InputSpec:
    return InputSpec((1, *sizes), exact=True)


def _guessed(module: nn.Module) -> Inputs:
    note = "guessed from the first layer, --input sets it"
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
        if min(shape) > 0:  # lazy layers do not know yet
            return Inputs((InputSpec(shape, _dtype(module), exact=True),), note=note)
    raise SpecError(
        f"{type(module).__name__} says nothing about its input. Give one with --input, for example "
        "--input 3x224x224 or --input ids=1x16:int64."
    )
