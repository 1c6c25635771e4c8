"""The kinds of node, and the attributes that each kind carries.

Thousands of operators, few kinds: `tracer.operators` maps every operator to a kind once, and each
analyzer has one rule per kind. Attributes hold what the shapes of a node's values do not tell.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import get_args


class Kind(StrEnum):
    """What a node does, as far as cost, receptive field and drawing are concerned."""

    CONV = "conv"
    CONV_TRANSPOSE = "conv_transpose"
    LINEAR = "linear"  # a matrix product with a weight of the model
    MATMUL = "matmul"  # a matrix product of two activations
    ATTENTION = "attention"
    RECURRENT = "recurrent"
    NORM = "norm"
    ACTIVATION = "activation"
    SOFTMAX = "softmax"
    POOL = "pool"
    ELEMENTWISE = "elementwise"
    REDUCE = "reduce"
    CONCAT = "concat"
    RESHAPE = "reshape"  # view, flatten, expand: other shape, same order of elements
    PERMUTE = "permute"
    SLICE = "slice"
    PAD = "pad"
    RESAMPLE = "resample"
    GATHER = "gather"  # embedding, index, roll, sort: elements picked by position
    SCATTER = "scatter"  # elements written by position, into a copy or in place
    CREATE = "create"
    COPY = "copy"
    OPAQUE = "opaque"  # an operator without a reader: never counted, always reported


@dataclass(frozen=True, slots=True)
class NoAttrs:
    """Nothing beyond the shapes."""


@dataclass(frozen=True, slots=True)
class ConvAttrs:
    """A convolution; sizes are per spatial axis, in the order of the shape."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]  # on both sides
    dilation: tuple[int, ...]
    groups: int
    bias: bool
    output_padding: tuple[int, ...] = ()
    deformable: bool = False


@dataclass(frozen=True, slots=True)
class MatmulAttrs:
    """`batch` independent products of (rows × inner) by (inner × columns)."""

    batch: int
    rows: int
    inner: int
    columns: int


@dataclass(frozen=True, slots=True)
class AttentionAttrs:
    """Attention as one node; a causal mask does not reduce the nominal work."""

    batch: int  # samples × heads
    queries: int
    keys: int
    head_size: int
    value_size: int
    causal: bool = False


@dataclass(frozen=True, slots=True)
class RecurrentAttrs:
    """A fused recurrent layer."""

    steps: int
    batch: int
    input_size: int
    hidden_size: int
    gates: int  # products per step: 4 for LSTM, 3 for GRU


@dataclass(frozen=True, slots=True)
class NormAttrs:
    """A normalisation."""

    norm: str  # batch, layer, group, instance, rms, local_response
    batch_stats: bool  # statistics come from the activations themselves
    affine: bool
    axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionAttrs:
    """The name of the function, without overload or in-place underscore."""

    function: str
    scalar: bool = False  # one operand is a number
    # The number, or the chance of a random 1. Operators with other numbers do the same.
    number: float | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PoolAttrs:
    """A pool with a window, or an adaptive one."""

    mode: str  # max, average
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False
    adaptive: bool = False  # bins follow the output size; kernel and stride are empty


@dataclass(frozen=True, slots=True)
class AxesAttrs:
    """Axes along which a reduction, softmax or concatenation works, counted from 0."""

    function: str
    axes: tuple[int, ...]
    keepdim: bool = False


@dataclass(frozen=True, slots=True)
class PermuteAttrs:
    """Output axis i is input axis order[i]."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SliceAttrs:
    """Output k takes elements starts[k], starts[k] + step, … along `axis`."""

    axis: int
    starts: tuple[int, ...]
    step: int = 1
    drop: bool = False  # one position is taken, and the output has no such axis


@dataclass(frozen=True, slots=True)
class PadAttrs:
    """Elements added before and after each axis."""

    mode: str
    before: tuple[int, ...]  # negative crops
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ResampleAttrs:
    """Up- or down-sampling by interpolation."""

    mode: str
    align_corners: bool = False
    # Output ÷ input of each spatial axis, where the model gave it: sizes are rounded, and
    # positions follow from what was given.
    scales: tuple[float | None, ...] = ()
    antialias: bool = False
    centred: bool = False  # the nearest by the centres of pixels: torch's nearest-exact


@dataclass(frozen=True, slots=True)
class RollAttrs:
    """Cyclic shifts by axis."""

    axes: tuple[int, ...]
    shifts: tuple[int, ...]


# Where a value lies in a tensor, an axis of the tensor each: start, step, size, and the value's own
# axis there, -1 where it has none. Parts outside of the tensor do not count. An empty box stands
# for all elements in their order, in another shape.
Box = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class PlaceAttrs:
    """Values placed in one tensor, each over those before it; None where a place is no box."""

    boxes: tuple[Box | None, ...]  # one for each input


@dataclass(frozen=True, slots=True)
class UnfoldAttrs:
    """Windows that slide over axes of an image and are laid side by side, or put back."""

    axes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]

    def windows(self, i: int, size: int) -> int:
        """Return how many windows there are along the axis `axes[i]` of an image's `size`."""
        room = size + 2 * self.padding[i] - self.dilation[i] * (self.kernel[i] - 1) - 1
        return room // self.stride[i] + 1


# The attributes of any kind.
Attrs = (
    NoAttrs
    | ConvAttrs
    | MatmulAttrs
    | AttentionAttrs
    | RecurrentAttrs
    | NormAttrs
    | FunctionAttrs
    | PoolAttrs
    | AxesAttrs
    | PermuteAttrs
    | SliceAttrs
    | PadAttrs
    | ResampleAttrs
    | RollAttrs
    | PlaceAttrs
    | UnfoldAttrs
)
# Class name -> class: JSON stores the name, so that it reads back what was written.
ATTRS: dict[str, type] = {record.__name__: record for record in get_args(Attrs)}
# Kinds that compute something; the others only move or name elements.
COMPUTE_KINDS = frozenset(Kind) - {Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE, Kind.CREATE, Kind.COPY}
