"""From text to data: which model, which constructor arguments, which inputs.

Nothing here imports torch or a user's code: `resolve` turns the data into a module. A model is
NAME, torchvision:NAME, timm:NAME, path/to/file.py:NAME or package.module:NAME; a constructor
argument is key=value; an input is [name=]3x224x224[:dtype], with square brackets around the sizes
for an exact shape; batch.x is an entry of a dictionary, and xs.0 one of a list.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass

from archlab.errors import OptionError, SpecError, did_you_mean, keyword
from archlab.ir.graph import DTYPE_BYTES

LIBRARIES = ("torchvision", "timm")
# Booleans in any case, but None only as Python writes it: "none" is a value of zoo options.
_MOST = 2**59  # values of 16 bytes that a tensor of torch can count
_BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model a text means."""

    text: str
    source: str  # zoo, torchvision, timm, file, package; empty for a name looked up everywhere
    place: str  # the file or package
    name: str


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input."""

    shape: tuple[int, ...]
    dtype: str = ""  # empty: that of the weights
    name: str = ""
    exact: bool = False  # the first size is the batch, and no axis is added in front
    below: int = 2  # whole numbers that are made for it are below this, and 0 or more

    def __post_init__(self) -> None:
        """Raise a SpecError for sizes that no tensor has."""
        _check_sizes(self.shape)

    def shapes(self, batch: int | None) -> tuple[tuple[int, ...], ...]:
        """Return the full shapes to try, the likeliest first.

        Raises:
            OptionError: a batch is asked for and the shape already has another.
        """
        _check_sizes((batch or 1, *self.shape))
        rank = len(self.shape)
        has_this_batch = batch is None or not rank or self.shape[0] in (1, batch)
        batched = self.shape if batch is None or not rank else (batch, *self.shape[1:])
        # The shape read as that of one sample, without its batch.
        sample = (batch or 1, *self.shape)
        if not self.exact:
            # One image without its batch (3x224x224), or a batched sequence (2x32x64).
            if rank == 3 and self.floating:
                return (sample, batched) if has_this_batch else (sample,)
            # Images, or one video without its batch.
            if rank == 4 and self.floating:
                return (batched, sample) if has_this_batch else (sample,)
            if rank == 1 and batch is not None:
                return (sample,)
            # Features or tokens of samples, or of one without its batch.
            if rank in (1, 2) and batch is None:
                return (batched, sample)
        if not has_this_batch:
            raise OptionError(
                f"The batch is given twice: {keyword('batch', batch)} and input "
                f"{'x'.join(map(str, self.shape))}. Leave one of them out."
            )
        return (batched,)

    @property
    def floating(self) -> bool:
        """Whether the dtype is a floating-point or complex one, as that of weights is."""
        return not self.dtype or self.dtype.startswith(("float", "bfloat", "complex"))

    @property
    def whole(self) -> bool:
        """Whether the dtype is one of whole numbers, which may be indices."""
        return self.dtype.startswith(("int", "uint"))


def _check_sizes(shape: tuple[int, ...]) -> None:
    if any(size < 0 for size in shape) or math.prod(shape) >= _MOST:
        sizes = "x".join(map(str, shape))
        raise SpecError(
            f"An input of {sizes[:80]} is no tensor: sizes are positive, and all of it has fewer "
            "than 2^59 values."
        )


def parse_model(text: str) -> ModelSpec:
    """Return the parts of a model spec.

    Example:
        >>> parse_model("torchvision:resnet50").source, parse_model("nets/my.py:Net").place
        ('torchvision', 'nets/my.py')

    Raises:
        SpecError: an empty part.
    """
    text = text.strip()
    place, colon, name = text.rpartition(":")
    if not text or (colon and not (place and name)):
        raise SpecError(
            f"{text!r} is not a model. Allowed: a zoo name (resnet18), torchvision:NAME, "
            "timm:NAME, path/to/file.py:Class, package.module:factory."
        )
    if not colon:
        if text.endswith(".py"):
            raise SpecError(
                f"{text!r} names a file but no class in it. Write {text}:ClassName (or a function "
                "that returns a module)."
            )
        return ModelSpec(text, "", "", text)
    if place in (*LIBRARIES, "zoo"):
        return ModelSpec(text, place, place, name)
    if place.endswith(".py"):
        return ModelSpec(text, "file", place, name)
    if re.fullmatch(r"\w+(\.\w+)*", place):
        return ModelSpec(text, "package", place, name)
    raise SpecError(
        f"{text!r}: {place!r} is neither torchvision, timm, a .py file nor a dotted package."
        + did_you_mean(place, LIBRARIES)
    )


def is_of_library(text: str) -> bool:
    """Whether a spec names a net of the zoo, torchvision or timm, and so no code of somebody's.

    A file that archlab reads, such as a checkpoint or a run's plan, may name no other.

    Example:
        >>> is_of_library("torchvision:resnet50"), is_of_library("os:system")
        (True, False)
    """
    return parse_model(text).source in ("", "zoo", *LIBRARIES)


def parse_options(pairs: list[str] | tuple[str, ...]) -> dict[str, object]:
    """Return constructor arguments from `key=value` texts; values are Python literals or strings.

    Example:
        >>> parse_options(["depth=20", "aux=false", "widths=(16,32,64)", "layout=cifar"])
        {'depth': 20, 'aux': False, 'widths': (16, 32, 64), 'layout': 'cifar'}

    Raises:
        OptionError: no `=`, or a key that is no identifier.
    """
    options: dict[str, object] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip().isidentifier():
            raise OptionError(
                f"{pair!r} is not key=value. Examples: num_classes=10, layout=cifar, "
                "widths=(16,32,64)."
            )
        options[key.strip()] = _value(value.strip())
    return options


def _value(text: str) -> object:
    if text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        # A word is a string, but half a tuple is a slip that would reach the constructor as text.
        if text.startswith(("(", "[", "{")):
            raise OptionError(
                f"The value {text!r} opens a bracket but is no Python literal. "
                "Strings inside need quotes: ('a', 'b')."
            ) from None
        return text


def parse_input(text: str) -> InputSpec:
    """Return one input from text.

    Example:
        >>> parse_input("ids=2x20:int64")
        InputSpec(shape=(2, 20), dtype='int64', name='ids', exact=False, below=2)

    Raises:
        SpecError: sizes that are no positive numbers, or an unknown dtype.
    """
    name, equals, description = text.rpartition("=")
    sizes, _, dtype = description.partition(":")
    dtype = dtype.strip().lower()
    exact = sizes.strip().startswith("[")
    parts = re.split(r"[x×,]", sizes.strip().strip("[]()").lower())
    if not all(re.fullmatch(r"\s*0*[1-9][0-9]{0,18}\s*", part) for part in parts):
        raise SpecError(
            f"Input {text!r} is not a shape: sizes are positive whole numbers joined by x. "
            "Examples: 3x224x224, 8x3x224x224, ids=2x20:int64, [2x32x64] for exactly that shape."
        )
    if dtype and dtype not in DTYPE_BYTES:
        raise SpecError(
            f"Input {text!r} has the unknown dtype {dtype!r}.{did_you_mean(dtype, DTYPE_BYTES)} "
            f"Allowed: {', '.join(sorted(DTYPE_BYTES))}."
        )
    if equals and not re.fullmatch(r"[^\W\d]\w*(\.\w+)*", name.strip()):
        raise SpecError(
            f"Input {text!r}: {name!r} is no argument name, such as ids. An entry of a dictionary "
            "is batch.x, one of a list xs.0."
        )
    return InputSpec(tuple(int(part) for part in parts), dtype, name.strip(), exact)
