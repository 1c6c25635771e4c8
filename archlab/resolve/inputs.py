"""Example inputs: what a user writes, or the size that the model's source publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map

from archlab.errors import SpecError, keyword, shown
from archlab.resolve.readings import Input, Inputs, Nest
from archlab.resolve.sources import Source
from archlab.spec import InputSpec, parse_input

InputLike = str | Sequence[Any] | Mapping[str, Any] | torch.Tensor | InputSpec
_SIZES = {1: (1024,), 2: (224, 224), 3: (16, 112, 112)}  # guesses, by the number of spatial axes


def given_inputs(value: InputLike, dtype: str = "float32") -> Inputs:
    """Return inputs from what a user wrote: text, a shape, tensors, or a mapping of those.

    A tuple of whole numbers is one shape; a sequence of anything else is several inputs; a mapping
    is keyword inputs. Lists and mappings inside are arguments of the forward. `dtype` is that of
    inputs which say none.

    Raises:
        SpecError: something that is none of these.
    """
    if isinstance(value, Mapping):
        args, kwargs = (), {name: _nest(each, name) for name, each in value.items()}
    else:
        is_one = isinstance(value, str | torch.Tensor) or _is_shape(value)
        several = value if isinstance(value, Sequence) and not is_one else [value]
        inputs = [_nest(each) for each in several]
        named = [each for each in inputs if isinstance(each, InputSpec) and each.name]
        args = tuple(each for each in inputs if not (isinstance(each, InputSpec) and each.name))
        kwargs = _by_name(named)
    typed = tree_map(lambda each: _typed(each, dtype), (args, kwargs))
    return Inputs(typed[0], tuple(typed[1].items()))


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
            return Inputs((InputSpec((1, *shape), weights_dtype(module), exact=True),))
    return _guessed(module)


def weights_dtype(module: nn.Module) -> str:
    """Return the dtype of all floating-point weights, or float32 where they have several.

    Example:
        >>> weights_dtype(nn.Linear(2, 2).half()), weights_dtype(nn.ReLU())
        ('float16', 'float32')
    """
    dtypes = {weight.dtype for weight in module.parameters() if weight.dtype.is_floating_point}
    return str(dtypes.pop() if len(dtypes) == 1 else torch.float32).removeprefix("torch.")


def _by_name(specs: Sequence[InputSpec]) -> dict[str, Nest]:
    """Return named inputs as arguments: `batch.x` in a dictionary, `xs.0` in a list."""
    arguments: dict[str, Any] = {}
    for spec in specs:
        *parents, last = spec.name.split(".")
        place = arguments
        for part in parents:
            place = place.setdefault(part, {})
        if not isinstance(place, dict) or last in place:
            raise SpecError(f"Input {spec.name} is given twice, or is both an input and a nest.")
        listed = any(part.isdecimal() for part in (*parents, last))
        place[last] = replace(spec, exact=spec.exact or listed)
    return {name: _with_lists(name, value) for name, value in arguments.items()}


def _with_lists(name: str, value: Any) -> Nest:
    """Return a dictionary whose keys are 0, 1, 2 … as a list, also inside."""
    if not isinstance(value, dict):
        return value
    inside = {key: _with_lists(f"{name}.{key}", part) for key, part in value.items()}
    if not any(key.isdecimal() for key in inside):
        return inside
    if sorted(inside) != sorted(map(str, range(len(inside)))):
        raise SpecError(
            f"The entries of {name} are {', '.join(inside)}; those of a list are 0, 1, 2 …, each "
            "given once."
        )
    return [inside[str(i)] for i in range(len(inside))]


def _is_shape(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and len(value) > 0
        and all(isinstance(size, int) and not isinstance(size, bool) for size in value)
    )


def _nest(value: Any, name: str = "", *, listed: bool = False) -> Nest:
    """Return one argument; what stands in a list is one sample, and its shape is taken as it is."""
    if isinstance(value, Mapping):
        return {key: _nest(part, str(key), listed=listed) for key, part in value.items()}
    if isinstance(value, list | tuple) and value and not _is_shape(value):
        parts = [_nest(part, listed=True) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    each = _input(value)
    if isinstance(each, InputSpec):
        return replace(each, name=name or each.name, exact=each.exact or listed)
    return each


def _input(value: Any) -> Input:
    if isinstance(value, str):
        return parse_input(value)
    if isinstance(value, torch.Tensor) and value.is_meta:  # it has no values
        return InputSpec(tuple(value.shape), str(value.dtype).removeprefix("torch."), exact=True)
    if isinstance(value, torch.Tensor | InputSpec):
        return value
    if _is_shape(value) and min(value) > 0:
        return InputSpec(tuple(value))
    raise SpecError(
        f"{shown(value)} is no input. Allowed: a text ('3x224x224', 'ids=2x20:int64'), a shape "
        "((1, 3, 224, 224)), a tensor, a sequence of those, or a mapping of names to those."
    )


def _typed(each: Input, dtype: str) -> Input:
    if isinstance(each, InputSpec) and not each.dtype:
        return replace(each, dtype=dtype)
    return each


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
    return InputSpec((1, *sizes), "float32", exact=True)


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
            return Inputs((InputSpec(shape, weights_dtype(module), exact=True),), note=note)
    raise SpecError(
        f"{type(module).__name__} says nothing about its input. Give one with {keyword('input')}, "
        f"for example {keyword('input', '3x224x224')} or {keyword('input', 'ids=1x16:int64')}."
    )
