"""The kinds of node, and the attributes that each kind carries.

Thousands of operators, few kinds: `tracer.operators` maps every operator to a kind once, and each
analyzer has one rule per kind. Attributes hold what the shapes of a node's values do not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """Per spatial axis, in the order of the shape; `padding` is on both sides."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
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
    """`batch` counts batch × heads; a causal mask does not reduce the nominal work."""

    batch: int
    queries: int
    keys: int
    head_size: int
    value_size: int
    causal: bool = False


@dataclass(frozen=True, slots=True)
class RecurrentAttrs:
    """A fused recurrent layer: `steps` × batch samples, `gates` gate products per step."""

    steps: int
    batch: int
    input_size: int
    hidden_size: int
    gates: int


@dataclass(frozen=True, slots=True)
class NormAttrs:
    """A normalisation; with `batch_stats` its statistics come from the activations themselves."""

    norm: str  # batch, layer, group, instance, rms, local_response
    batch_stats: bool
    affine: bool
    axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionAttrs:
    """The name of the function, without overload or in-place underscore."""

    function: str
    scalar: bool = False  # one operand is a number


@dataclass(frozen=True, slots=True)
class PoolAttrs:
    """`adaptive`: bins follow the output size, kernel and stride are then empty."""

    mode: str  # max, average
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False
    adaptive: bool = False


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
    """Output k takes elements starts[k], starts[k] + step, … along `axis`.

    With `drop`, it takes one position, and the output has no such axis.
    """

    axis: int
    starts: tuple[int, ...]
    step: int = 1
    drop: bool = False


@dataclass(frozen=True, slots=True)
class PadAttrs:
    """Elements added before and after each axis (negative crops)."""

    mode: str
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ResampleAttrs:
    """Up- or down-sampling by interpolation; the factor follows from the shapes."""

    mode: str
    align_corners: bool = False


@dataclass(frozen=True, slots=True)
class RollAttrs:
    """Cyclic shifts by axis."""

    axes: tuple[int, ...]
    shifts: tuple[int, ...]


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
)
"""The attributes of any kind."""

ATTRS: dict[str, type] = {record.__name__: record for record in get_args(Attrs)}
"""Class name -> class: JSON stores the name, so that it reads back what was written."""

COMPUTE_KINDS = frozenset(Kind) - {Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE, Kind.CREATE, Kind.COPY}
"""Kinds that compute something; the others only move or name elements."""
