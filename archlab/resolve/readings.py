"""The inputs of one forward: the shapes that they may be read as, and tensors of those shapes.

An argument is one input, or a nest of lists, tuples and dictionaries of inputs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from archlab.errors import OptionError, keyword
from archlab.spec import InputSpec

Input = InputSpec | torch.Tensor
Nest = Any  # an Input, or lists, tuples and dictionaries of them
_MOST_ATTEMPTS = 32
# What a message about sizes says: `expected 3-D`, `sizes of tensors`.
_OF_SIZES = re.compile(r"\b(sizes?|shapes?|dim(ension)?s?|channels?|\d-?D)\b")


@dataclass(frozen=True)
class Inputs:
    """Positional and keyword inputs: specs, tensors, and nests of those."""

    args: tuple[Nest, ...]
    kwargs: tuple[tuple[str, Nest], ...] = ()
    listed: bool = False  # the images are wrapped in a list, as torchvision's detectors take them
    note: str = ""  # shown in headers

    def attempts(self, batch: int | None, words: Sequence[int] = ()) -> list[Inputs]:
        """Return the inputs with full shapes, the likeliest reading first.

        Each input is read in its own way, whatever the others are. `words` are the sizes of the
        model's vocabularies: made tokens must exist in each.
        """
        leaves, structure = tree_flatten((self.args, dict(self.kwargs)))
        readings: list[Sequence[Input]] = [
            [replace(each, shape=shape, exact=True) for shape in each.shapes(batch)]
            if isinstance(each, InputSpec)
            else [_batched(each, batch)]
            for each in leaves
        ]
        attempts = []
        for inputs in islice(_mixed(readings), _MOST_ATTEMPTS):
            args, kwargs = tree_unflatten(_bounded(inputs, words), structure)
            attempts.append(replace(self, args=args, kwargs=tuple(kwargs.items())))
        return attempts

    def zeros(self) -> Inputs:
        """Return these inputs with 0 for every whole number, which is valid in any table."""
        args, kwargs = tree_map(
            lambda each: replace(each, below=1) if isinstance(each, InputSpec) else each,
            (self.args, dict(self.kwargs)),
        )
        return replace(self, args=args, kwargs=tuple(kwargs.items()))

    def specs(self) -> list[InputSpec]:
        """Return the inputs of which only the shape is known."""
        leaves, _ = tree_flatten((self.args, dict(self.kwargs)))
        return [each for each in leaves if isinstance(each, InputSpec)]

    def advice(self, failure: str, batch: int | None) -> str:
        """Return what to try where no reading of the inputs ran, or nothing.

        Args:
            failure: what the forward raised.
            batch: samples per forward, if they were chosen.

        Raises:
            OptionError: images have a batch of their own beside another one.
        """
        for each in self.specs():
            if batch is not None and len(each.shape) == 4 and each.shape[0] not in (1, batch):
                raise OptionError(_batch_twice(batch, f"input {'x'.join(map(str, each.shape))}"))
        if "targets should not be none" in failure.lower():  # as torchvision's detectors say it
            return (
                " A detector in train mode takes targets, too, such as images.0=3x64x64, "
                "targets.0.boxes=2x4 and targets.0.labels=2:int64, each an input."
            )
        several = len(self.specs()) > 1 and not all(each.exact for each in self.specs())
        if several and _OF_SIZES.search(failure):
            return " A shape in brackets, such as [1x8x32], is taken as it is."
        return ""

    def tensors(
        self, device: str, make: Callable[[InputSpec], torch.Tensor] | None = None
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return args and kwargs as tensors: shapes alone on "meta", values on "cpu".

        `make` gives the values of inputs of which only the shape is known; noise by default.
        """

        def tensor(each: Input) -> torch.Tensor:
            if make is not None and isinstance(each, InputSpec):
                return make(each)
            return _tensor(each, device)

        args, named = tree_map(tensor, (self.args, dict(self.kwargs)))
        if self.listed:
            return ([image for batch in args for image in batch.unbind(0)],), named
        return args, named


def vocabularies(module: nn.Module) -> list[int]:
    """Return the number of entries of each embedding."""
    kinds = (nn.Embedding, nn.EmbeddingBag)
    return [member.num_embeddings for member in module.modules() if isinstance(member, kinds)]


def made(spec: InputSpec, generator: torch.Generator) -> torch.Tensor:
    """Return N(0, 1) noise, or whole numbers that are valid indices; `boxes` get x2 > x1, y2 > y1.

    Example:
        >>> made(InputSpec((4,), "int64", below=1), torch.Generator())
        tensor([0, 0, 0, 0])
    """
    dtype: torch.dtype = getattr(torch, spec.dtype or "float32")
    if not dtype.is_floating_point and not dtype.is_complex:
        high = 2 if dtype == torch.bool else spec.below
        return torch.randint(high, spec.shape, generator=generator).to(dtype)
    if spec.name.rpartition(".")[2] == "boxes" and spec.shape[-1] == 4:
        corners = torch.rand(spec.shape, generator=generator) / 4
        corners[..., 2:] += 0.5
        return corners.to(dtype)
    kind = dtype if dtype.is_complex else None
    return torch.randn(spec.shape, generator=generator, dtype=kind).to(dtype)


def _mixed(readings: Sequence[Sequence[Input]]) -> Iterator[list[Input]]:
    """Yield every choice of one reading for each input, the likeliest first.

    An input has two readings at most; first come the choices in which few have their second one.
    """
    open_ = [i for i, reading in enumerate(readings) if len(reading) > 1]
    for count in range(len(open_) + 1):
        for seconds in combinations(open_, count):
            yield [reading[i in seconds] for i, reading in enumerate(readings)]


def _bounded(inputs: Sequence[Input], words: Sequence[int]) -> list[Input]:
    """Return the inputs with a bound for whole numbers: what they may be indices of."""
    features = [each for each in inputs if _is_floating(each) and len(each.shape)]

    def bounded(each: Input) -> Input:
        if not isinstance(each, InputSpec) or not each.whole:
            return each
        # The edges of a graph are two rows of indices of nodes, which have features.
        edges = len(each.shape) == 2 and each.shape[0] == 2
        nodes = [feature.shape[0] for feature in features[:1] if edges]
        return replace(each, below=min([*words, *nodes], default=2))

    return [bounded(each) for each in inputs]


def _is_floating(each: Input) -> bool:
    return each.floating if isinstance(each, InputSpec) else each.is_floating_point()


def _batched(tensor: torch.Tensor, batch: int | None) -> torch.Tensor:
    """One sample repeated to a batch; a tensor that already has another batch is refused."""
    if batch is None or not tensor.dim() or tensor.shape[0] == batch:
        return tensor
    if tensor.shape[0] != 1:
        raise OptionError(_batch_twice(batch, f"an input of {'x'.join(map(str, tensor.shape))}"))
    return tensor.repeat(batch, *[1] * (tensor.dim() - 1))


def _batch_twice(batch: int, other: str) -> str:
    both = f"{keyword('batch', batch)} and {other}"
    return f"The batch is given twice: {both}. Leave one of them out."


def _tensor(source: Input, device: str) -> torch.Tensor:
    if isinstance(source, torch.Tensor):
        if device == "meta":
            strides, dtype = source.stride(), source.dtype
            return torch.empty_strided(source.shape, strides, dtype=dtype, device="meta")
        return source.detach().to("cpu", copy=True)
    if device == "meta":
        return torch.empty(source.shape, dtype=getattr(torch, source.dtype), device="meta")
    return made(source, torch.Generator().manual_seed(0))
