"""Every line of READERS against a small call whose kind and attributes are worked out by hand."""

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import torchvision  # noqa: F401  registers torchvision's operators
from torch import nn
from tracing import graph_of

from archlab.analyze.costs import MACS
from archlab.ir import kinds
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Attrs, Kind
from archlab.tracer.operators import READERS
from archlab.tracer.overloads import operator
from archlab.tracer.recorder import Recorder


def f(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def i(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta", dtype=torch.int64)


def b(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta", dtype=torch.bool)


WEIGHT = nn.Parameter(torch.empty(4, 5, device="meta"))
X, MAP, VOLUME, SEQUENCE = f(2, 4), f(2, 3, 8, 8), f(2, 3, 4, 6, 8), f(2, 3, 8)


@dataclass(frozen=True)
class Case:
    op: str  # name.overload, of aten unless it says another namespace
    args: tuple[Any, ...]
    kind: Kind
    attrs: Attrs
    kwargs: dict[str, Any] = field(default_factory=dict)
    device: str = "meta"

    @property
    def name(self) -> str:
        name = self.op.rpartition(".")[0]
        return name if "." in name else f"aten.{name}"

    @property
    def func(self) -> Any:
        namespace, _, bare = self.name.rpartition(".")
        overload = self.op.rpartition(".")[2]
        return getattr(getattr(getattr(torch.ops, namespace), bare), overload)


def named(kind: Kind, *, scalar: bool, **calls: tuple[Any, ...]) -> list[Case]:
    """Operators of which the graph keeps only the name; `__` stands for the overload's dot."""
    cases = []
    for key, args in calls.items():
        name, _, overload = key.rpartition("__") if "__" in key else (key, "", "default")
        attrs = kinds.FunctionAttrs(name.strip("_"), scalar=scalar)
        cases.append(Case(f"{name}.{overload}", args, kind, attrs))
    return cases


def conv_case(op: str, *tail: Any) -> Case:
    args = (MAP, f(6, 3, 3, 3), f(6), [2, 1], [1, 0], [1, 2], False, [0, 0], 1, *tail)
    attrs = kinds.ConvAttrs((3, 3), (2, 1), (1, 0), (1, 2), 1, bias=True)
    return Case(op, args, Kind.CONV, attrs)


def norm_case(op: str, args: tuple[Any, ...], norm: str, *, batch: bool, affine: bool) -> Case:
    return Case(op, args, Kind.NORM, kinds.NormAttrs(norm, batch, affine))


def reduce_case(op: str, *args: Any, axes: tuple[int, ...], keep: bool = False, **kw: Any) -> Case:
    name = op.partition(".")[0].strip("_")
    return Case(op, args, Kind.REDUCE, kinds.AxesAttrs(name, axes, keep), kw)


STATS = (f(3), f(3), f(3), f(3))
Q, K = f(2, 3, 5, 4), f(2, 3, 7, 4)
FUSED = kinds.AttentionAttrs(batch=6, queries=5, keys=7, head_size=4, value_size=4)
CAUSAL = kinds.AttentionAttrs(batch=6, queries=5, keys=5, head_size=4, value_size=4, causal=True)
BINS = kinds.PoolAttrs("average", (), (), (), (), adaptive=True)
MAX_BINS = kinds.PoolAttrs("max", (), (), (), (), adaptive=True)

MATRICES = [
    Case("mm.default", (f(3, 4), WEIGHT), Kind.LINEAR, kinds.MatmulAttrs(1, 3, 4, 5)),
    Case("mm.default", (f(3, 4), WEIGHT.detach()), Kind.LINEAR, kinds.MatmulAttrs(1, 3, 4, 5)),
    Case("mm.default", (f(3, 4), f(4, 5)), Kind.MATMUL, kinds.MatmulAttrs(1, 3, 4, 5)),
    Case("mm.default", (f(3, 5), WEIGHT.t()), Kind.LINEAR, kinds.MatmulAttrs(1, 3, 5, 4)),
    Case("bmm.default", (f(2, 3, 4), f(2, 4, 5)), Kind.MATMUL, kinds.MatmulAttrs(2, 3, 4, 5)),
    Case(
        "bmm.default",
        (f(2, 3, 4), WEIGHT.expand(2, 4, 5)),
        Kind.LINEAR,
        kinds.MatmulAttrs(2, 3, 4, 5),
    ),
    Case("addmm.default", (f(5), f(3, 4), WEIGHT), Kind.LINEAR, kinds.MatmulAttrs(1, 3, 4, 5)),
    Case(
        "_addmm_activation.default", (f(5), X, WEIGHT), Kind.LINEAR, kinds.MatmulAttrs(1, 2, 4, 5)
    ),
    Case(
        "baddbmm.default",
        (f(5), f(2, 3, 4), f(2, 4, 5)),
        Kind.MATMUL,
        kinds.MatmulAttrs(2, 3, 4, 5),
    ),
    Case(
        "addbmm.default", (f(5), f(2, 3, 4), f(2, 4, 5)), Kind.MATMUL, kinds.MatmulAttrs(2, 3, 4, 5)
    ),
    Case("mv.default", (WEIGHT, f(5)), Kind.LINEAR, kinds.MatmulAttrs(1, 4, 5, 1)),
    Case("addmv.default", (f(3), f(3, 4), f(4)), Kind.MATMUL, kinds.MatmulAttrs(1, 3, 4, 1)),
    Case("dot.default", (f(4), f(4)), Kind.MATMUL, kinds.MatmulAttrs(1, 1, 4, 1)),
    Case("vdot.default", (f(4), f(4)), Kind.MATMUL, kinds.MatmulAttrs(1, 1, 4, 1)),
    Case("linear.default", (f(2, 3, 5), WEIGHT), Kind.LINEAR, kinds.MatmulAttrs(1, 6, 5, 4)),
    Case("linear.default", (f(2, 3, 5), f(4, 5)), Kind.MATMUL, kinds.MatmulAttrs(1, 6, 5, 4)),
    Case(
        "_grouped_mm.default",
        (torch.zeros(6, 8), torch.zeros(3, 8, 16), torch.tensor([2, 4, 6], dtype=torch.int32)),
        Kind.MATMUL,
        kinds.MatmulAttrs(1, 6, 8, 16),  # each row meets the matrix of its group alone
        device="cpu",
    ),
    Case(
        "_int_mm.default",
        tuple(torch.zeros(32, 32, dtype=torch.int8) for _ in range(2)),
        Kind.MATMUL,
        kinds.MatmulAttrs(1, 32, 32, 32),
        device="cpu",
    ),
]

ATTENTION = [
    Case("_scaled_dot_product_flash_attention_for_cpu.default", (Q, K, K), Kind.ATTENTION, FUSED),
    Case(
        "_scaled_dot_product_flash_attention_for_cpu.default",
        (Q, Q, Q, 0.0, True),
        Kind.ATTENTION,
        CAUSAL,
    ),
    Case("_scaled_dot_product_flash_attention.default", (Q, K, K), Kind.ATTENTION, FUSED),
    Case(
        "_scaled_dot_product_efficient_attention.default",
        (Q, Q, Q, None, True, 0.0, True),
        Kind.ATTENTION,
        CAUSAL,
    ),
    Case(
        "_scaled_dot_product_cudnn_attention.default",
        (Q, K, K, None, True),
        Kind.ATTENTION,
        FUSED,
    ),
    Case(
        "_scaled_dot_product_fused_attention_overrideable.default",
        (Q, K, K),
        Kind.ATTENTION,
        FUSED,
    ),
    Case(
        "_scaled_dot_product_flash_attention_for_cpu_backward.default",
        (
            f(2, 4, 5, 8),
            f(2, 4, 5, 8),
            f(2, 4, 7, 8),
            f(2, 4, 7, 8),
            f(2, 4, 5, 8),
            f(2, 4, 5),
            0.0,
            True,
        ),
        Kind.ATTENTION,
        kinds.AttentionAttrs(8, 5, 7, 8, 8, causal=True),
    ),
]

CONVOLUTIONS = [
    Case(
        "convolution_backward.default",
        (
            f(2, 6, 6, 6),
            MAP,
            f(6, 3, 3, 3),
            [6],
            [1] * 2,
            [0] * 2,
            [1] * 2,
            False,
            [0] * 2,
            1,
            [True] * 3,
        ),
        Kind.CONV,
        kinds.ConvAttrs((3, 3), (1, 1), (0, 0), (1, 1), 1, bias=False),
    ),
    conv_case("convolution.default"),
    conv_case("_convolution.default", *[False] * 4),
    Case(
        "convolution.default",
        (MAP, f(3, 2, 2, 4), None, [2], [0], [1], True, [1], 1),
        Kind.CONV_TRANSPOSE,
        kinds.ConvAttrs((2, 4), (2, 2), (0, 0), (1, 1), 1, bias=False, output_padding=(1, 1)),
    ),
    Case(
        "convolution.default",
        (SEQUENCE, f(6, 1, 3), None, [1], [1], [1], False, [0], 3),
        Kind.CONV,
        kinds.ConvAttrs((3,), (1,), (1,), (1,), 3, bias=False),
    ),
    Case(
        "torchvision.deform_conv2d.default",
        (
            *map(torch.zeros, [(2, 4, 8, 8), (6, 2, 3, 3), (2, 18, 4, 4), (2, 9, 4, 4), (6,)]),
            *(2, 2, 1, 1, 1, 1, 2, 1, True),
        ),
        Kind.CONV,
        kinds.ConvAttrs((3, 3), (2, 2), (1, 1), (1, 1), 2, bias=True, deformable=True),
        device="cpu",
    ),
]

NORMS = [
    norm_case("native_batch_norm.default", (MAP, *STATS, True, 0.1, 1e-5), "batch", batch=True,
              affine=True),
    norm_case("native_batch_norm.default", (MAP, None, None, *STATS[2:], False, 0.1, 1e-5),
              "batch", batch=False, affine=False),
    norm_case("_native_batch_norm_legit.default", (MAP, *STATS, False, 0.1, 1e-5), "batch",
              batch=False, affine=True),
    norm_case("_native_batch_norm_legit.no_stats", (MAP, None, None, True, 0.1, 1e-5), "batch",
              batch=True, affine=False),
    norm_case("_native_batch_norm_legit_no_training.default", (MAP, *STATS, 0.1, 1e-5), "batch",
              batch=False, affine=True),
    norm_case("_batch_norm_with_update.default", (MAP, *STATS, 0.1, 1e-5), "batch", batch=True,
              affine=True),
    norm_case("cudnn_batch_norm.default", (MAP, *STATS, True, 0.1, 1e-5), "batch", batch=True,
              affine=True),
    norm_case("miopen_batch_norm.default", (MAP, *STATS, False, 0.1, 1e-5), "batch", batch=False,
              affine=True),
    norm_case("native_group_norm.default", (MAP, None, None, 2, 3, 64, 3, 1e-5), "group",
              batch=True, affine=False),
    Case("native_layer_norm.default", (SEQUENCE, [3, 8], f(3, 8), None, 1e-5), Kind.NORM,
         kinds.NormAttrs("layer", batch_stats=False, affine=True, axes=(1, 2))),
    Case("_fused_rms_norm.default", (SEQUENCE, [8], None, 1e-5), Kind.NORM,
         kinds.NormAttrs("rms", batch_stats=False, affine=False, axes=(2,))),
    Case("_softmax.default", (SEQUENCE, -1, False), Kind.SOFTMAX, kinds.AxesAttrs("softmax", (2,))),
    Case("_log_softmax.default", (X, 0, False), Kind.SOFTMAX, kinds.AxesAttrs("log_softmax", (0,))),
    Case("_safe_softmax.default", (X, 1), Kind.SOFTMAX, kinds.AxesAttrs("safe_softmax", (1,))),
]  # fmt: skip

POOLS = [
    Case("max_pool2d_with_indices.default", (MAP, [3, 2], [2, 1], [1, 0], [1, 2], True), Kind.POOL,
         kinds.PoolAttrs("max", (3, 2), (2, 1), (1, 0), (1, 2), ceil_mode=True)),
    Case("max_pool2d_with_indices.default", (MAP, [2]), Kind.POOL,
         kinds.PoolAttrs("max", (2, 2), (2, 2), (0, 0), (1, 1))),
    Case("max_pool3d_with_indices.default", (VOLUME, [2]), Kind.POOL,
         kinds.PoolAttrs("max", (2, 2, 2), (2, 2, 2), (0, 0, 0), (1, 1, 1))),
    Case("avg_pool2d.default", (MAP, [2, 4], [2], [1], True), Kind.POOL,
         kinds.PoolAttrs("average", (2, 4), (2, 2), (1, 1), (1, 1), ceil_mode=True)),
    Case("avg_pool3d.default", (VOLUME, [2], [1]), Kind.POOL,
         kinds.PoolAttrs("average", (2, 2, 2), (1, 1, 1), (0, 0, 0), (1, 1, 1))),
    Case("_adaptive_avg_pool2d.default", (MAP, [3, 3]), Kind.POOL, BINS),
    Case("_adaptive_avg_pool3d.default", (VOLUME, [2, 2, 2]), Kind.POOL, BINS),
    Case("adaptive_max_pool2d.default", (MAP, [3, 3]), Kind.POOL, MAX_BINS),
    Case("adaptive_max_pool3d.default", (VOLUME, [2, 2, 2]), Kind.POOL, MAX_BINS),
    Case("fractional_max_pool2d.default", (MAP, [2, 2], [4, 4], f(2, 3, 2)), Kind.POOL, MAX_BINS),
    Case("fractional_max_pool3d.default", (VOLUME, [2] * 3, [2] * 3, f(2, 3, 3)), Kind.POOL,
         MAX_BINS),
    Case("torchvision.roi_pool.default", (MAP, f(4, 5), 1.0, 2, 2), Kind.POOL, MAX_BINS),
    # F.adaptive_avg_pool2d(x, 1) reaches aten as this mean.
    Case("mean.dim", (MAP, [-1, -2], True), Kind.POOL, BINS),
]  # fmt: skip

REDUCTIONS = [
    reduce_case("mean.dim", MAP, [2, 3], keepdim=True, axes=(2, 3), keep=True),
    reduce_case("mean.dim", MAP, [-1, -2], axes=(3, 2)),
    reduce_case("mean.default", X, axes=(0, 1)),
    reduce_case("sum.default", X, axes=(0, 1)),
    reduce_case("sum.dim_IntList", MAP, [1], keepdim=True, axes=(1,), keep=True),
    reduce_case("sum.dim_IntList", X, [], axes=(0, 1)),
    reduce_case("amax.default", MAP, [-1], axes=(3,)),
    reduce_case("amin.default", MAP, [], axes=(0, 1, 2, 3)),
    reduce_case("max.dim", X, 1, axes=(1,)),
    reduce_case("max.default", X, axes=(0, 1)),
    reduce_case("min.dim", X, -2, keepdim=True, axes=(0,), keep=True),
    reduce_case("prod.dim_int", X, 1, axes=(1,)),
    reduce_case("var.correction", X, [1], correction=0, axes=(1,)),
    reduce_case("std.correction", X, None, axes=(0, 1)),
    reduce_case("var_mean.correction", MAP, [2, 3], keepdim=True, axes=(2, 3), keep=True),
    reduce_case("std_mean.correction", X, [0], axes=(0,)),
    reduce_case("norm.ScalarOpt_dim", X, 2, [1], axes=(1,)),
    reduce_case("linalg_vector_norm.default", X, 2, [1], keepdim=True, axes=(1,), keep=True),
    reduce_case("argmax.default", X, 1, axes=(1,)),
    reduce_case("argmin.default", X, axes=(0, 1)),
    reduce_case("any.dim", b(2, 4), 1, axes=(1,)),
    reduce_case("all.default", b(2, 4), axes=(0, 1)),
    reduce_case("logsumexp.default", X, [1], axes=(1,)),
    reduce_case("mse_loss.default", X, X, axes=(0, 1)),
    reduce_case("smooth_l1_loss.default", X, X, axes=(0, 1)),
    reduce_case("huber_loss.default", X, X, axes=(0, 1)),
    reduce_case("binary_cross_entropy.default", X, X, axes=(0, 1)),
    reduce_case("nll_loss_forward.default", X, i(2), None, 1, -100, axes=(0, 1)),
    reduce_case("nll_loss2d_forward.default", MAP, i(2, 8, 8), None, 1, -100, axes=(0, 1, 2, 3)),
    reduce_case("nansum.default", X, [0], axes=(0,)),
    reduce_case("count_nonzero.dim_IntList", X, [1], axes=(1,)),
    reduce_case("median.dim", X, 1, axes=(1,)),
    reduce_case("aminmax.default", X, dim=1, axes=(1,)),
]

MOVES = [
    Case("cat.default", ([X, X], -1), Kind.CONCAT, kinds.AxesAttrs("cat", (1,))),
    Case("stack.default", ([X, X], -1), Kind.CONCAT, kinds.AxesAttrs("stack", (2,))),
    Case("permute.default", (SEQUENCE, [0, -1, 1]), Kind.PERMUTE, kinds.PermuteAttrs((0, 2, 1))),
    Case("transpose.int", (MAP, 1, -1), Kind.PERMUTE, kinds.PermuteAttrs((0, 3, 2, 1))),
    Case("t.default", (X,), Kind.PERMUTE, kinds.PermuteAttrs((1, 0))),
    Case("t.default", (f(4),), Kind.PERMUTE, kinds.PermuteAttrs((0,))),
    Case("numpy_T.default", (X,), Kind.PERMUTE, kinds.PermuteAttrs((1, 0))),
    Case("slice.Tensor", (MAP, 2, 1, 7, 2), Kind.SLICE, kinds.SliceAttrs(2, (1,), 2)),
    Case("slice.Tensor", (MAP, -1, -3), Kind.SLICE, kinds.SliceAttrs(3, (5,))),
    Case("slice.Tensor", (MAP, 1, 9), Kind.SLICE, kinds.SliceAttrs(1, (3,))),
    Case("select.int", (MAP, 1, -1), Kind.SLICE, kinds.SliceAttrs(1, (2,), drop=True)),
    Case("split.Tensor", (MAP, 3, 2), Kind.SLICE, kinds.SliceAttrs(2, (0, 3, 6))),
    Case("split_with_sizes.default", (MAP, [1, 2], 1), Kind.SLICE, kinds.SliceAttrs(1, (0, 1))),
    Case("unsafe_split.Tensor", (MAP, 4, -1), Kind.SLICE, kinds.SliceAttrs(3, (0, 4))),
    Case(
        "unsafe_split_with_sizes.default", (MAP, [2, 6], 2), Kind.SLICE, kinds.SliceAttrs(2, (0, 2))
    ),
    Case("unbind.int", (MAP, 1), Kind.SLICE, kinds.SliceAttrs(1, (0, 1, 2), drop=True)),
    Case("roll.default", (MAP, [3, -1], [2, -1]), Kind.GATHER, kinds.RollAttrs((2, 3), (3, -1))),
]

# aten lists padding from the last axis, before and after; kinds.PadAttrs from the first.
PADS = [
    Case("constant_pad_nd.default", (MAP, [1, 2, 3, 4], 0.0), Kind.PAD,
         kinds.PadAttrs("constant", (0, 0, 3, 1), (0, 0, 4, 2))),
    Case("constant_pad_nd.default", (MAP, [0, 0, 0, 0, 8, -1]), Kind.PAD,
         kinds.PadAttrs("constant", (0, 8, 0, 0), (0, -1, 0, 0))),
    *[
        Case(f"{name}_pad{rank}d.default", (x, [1, 2] * rank), Kind.PAD,
             kinds.PadAttrs(mode, (0, 0, *[1] * rank), (0, 0, *[2] * rank)))
        for name, mode in (("reflection", "reflect"), ("replication", "replicate"))
        for rank, x in ((1, SEQUENCE), (2, MAP), (3, VOLUME))
    ],
]  # fmt: skip

NEAREST = kinds.ResampleAttrs("nearest")
CENTRED = kinds.ResampleAttrs("nearest", centred=True)
RESAMPLES = [
    *[
        Case(f"{name}{rank}d.default", (x, [16] * rank), Kind.RESAMPLE, attrs)
        for name, attrs in (("upsample_nearest", NEAREST), ("_upsample_nearest_exact", CENTRED))
        for rank, x in ((1, SEQUENCE), (2, MAP), (3, VOLUME))
    ],
    *[
        Case(f"{name}.default", (x, [16] * (x.dim() - 2), align), Kind.RESAMPLE,
             kinds.ResampleAttrs(mode, align, antialias=name.endswith("_aa")))
        for name, x, mode, align in (
            ("upsample_linear1d", SEQUENCE, "linear", False),
            ("upsample_bilinear2d", MAP, "linear", True),
            ("upsample_trilinear3d", VOLUME, "linear", False),
            ("_upsample_bilinear2d_aa", MAP, "linear", False),
            ("upsample_bicubic2d", MAP, "cubic", True),
            ("_upsample_bicubic2d_aa", MAP, "cubic", False),
        )
    ],
    # The model gave the factor of 5 ÷ 2 for the rows; the columns follow from the size.
    Case("upsample_nearest2d.default", (MAP, [19, 16], 2.5, None), Kind.RESAMPLE,
         kinds.ResampleAttrs("nearest", scales=(2.5, None))),
    Case("grid_sampler_2d.default", (MAP, f(2, 5, 5, 2), 0, 0, True), Kind.RESAMPLE,
         kinds.ResampleAttrs("grid", align_corners=True)),
    Case("grid_sampler_3d.default", (VOLUME, f(2, 4, 5, 5, 3), 0, 0, False), Kind.RESAMPLE,
         kinds.ResampleAttrs("grid")),
    Case("torchvision.roi_align.default", (MAP, f(4, 5), 1.0, 2, 2, 2, False), Kind.RESAMPLE,
         kinds.ResampleAttrs("roi_align")),
]  # fmt: skip

# An axis of the tensor each: start, step, size, and the value's axis there.
WHOLE = ((0, 1, 2, 0), (0, 1, 4, 1))
PLACES = [
    Case("flip.default", (X, [0, -1]), Kind.GATHER, kinds.AxesAttrs("flip", (0, 1))),
    Case("unfold.default", (X, 1, 2, 1), Kind.GATHER,
         kinds.UnfoldAttrs((1,), (2,), (1,), (0,), (1,))),
    Case("im2col.default", (MAP, [3, 3], [1, 2], [0, 1], [1, 1]), Kind.GATHER,
         kinds.UnfoldAttrs((2, 3), (3, 3), (1, 1), (0, 1), (1, 2))),
    Case("col2im.default", (f(2, 12, 9), [4, 4], [2, 2], [1, 1], [0, 0], [1, 1]), Kind.SCATTER,
         kinds.UnfoldAttrs((2, 3), (2, 2), (1, 1), (0, 0), (1, 1))),
    Case("slice_scatter.default", (X, f(2, 2), 1, -3, 4, 2), Kind.SCATTER,
         kinds.PlaceAttrs((WHOLE, ((0, 1, 2, 0), (1, 2, 2, 1))))),
    *(Case(f"{name}.{overload}", args, Kind.RESHAPE, kinds.AxesAttrs(name, axes))
      for name, overload, args, axes in (
          ("unsqueeze", "default", (X, -1), (2,)),
          ("unsqueeze", "default", (f(), 0), (0,)),
          ("squeeze", "default", (f(1, 4, 1),), (0, 2)),
          ("squeeze", "default", (f(),), ()),
          ("squeeze", "dim", (f(1, 4, 1), -1), (2,)),
          ("squeeze", "dim", (f(1, 4, 1), 1), ()),
          ("squeeze", "dims", (f(1, 4, 1), [0, -2]), (0,)),
      )),
    Case("select_scatter.default", (X, f(4), 0, -1), Kind.SCATTER,
         kinds.PlaceAttrs((WHOLE, ((1, 1, 1, -1), (0, 1, 4, 0))))),
]  # fmt: skip

NAMED = [
    *named(
        Kind.RESHAPE, scalar=True, view=(X, [8]), _unsafe_view=(X, [8]), reshape=(X, [8]),
        _reshape_alias=(X, [8], [1]), expand=(X, [3, 2, 4]), as_strided=(X, [2], [4]),
        flatten__using_ints=(X,), pixel_shuffle=(f(2, 4, 3, 3), 2), pixel_unshuffle=(MAP, 2),
        view_as_real=(torch.empty(2, dtype=torch.complex64, device="meta"),),
        view_as_complex=(f(3, 2),),
    ),
    *named(
        Kind.GATHER, scalar=False, embedding=(f(9, 4), i(2, 3)), index_select=(X, 1, i(2)),
        gather=(X, 1, i(2, 3)), take=(X, i(3)), searchsorted__Tensor=(f(5), f(2)),
        _embedding_bag=(f(9, 4), i(6), i(2)), _embedding_bag_forward_only=(f(9, 4), i(6), i(2)),
        bucketize__Tensor=(f(5), f(3)),
    ),
    *named(
        Kind.GATHER, scalar=True, index__Tensor=(X, [None, i(3)]), topk=(X, 2), sort=(X,),
        tril=(X,), triu=(X,), diagonal=(X,), channel_shuffle=(f(2, 4, 3, 3), 2), cumsum=(X, 1),
        native_channel_shuffle=(f(2, 4, 3, 3), 2), cumprod=(X, 1), cummax=(X, 1), cummin=(X, 1),
        repeat=(X, [2, 2]), multinomial=(X, 2),
    ),
    *named(
        Kind.SCATTER, scalar=False, index_put=(X, [i(2)], f(2, 4)), index_put_=(X, [i(2)], f(4)),
        _unsafe_index_put=(X, [i(2)], f(2, 4)), index_add=(X, 0, i(2), X),
        index_copy=(X, 0, i(2), X),
        index_fill__int_Scalar=(X, 0, i(1), 1.0), scatter__value=(X, 1, i(2, 1), 1.0),
        scatter__src=(X, 1, i(2, 4), X), scatter_add=(X, 1, i(2, 4), X),
        scatter_reduce__two=(X, 1, i(2, 4), X, "sum"), masked_scatter=(X, b(2, 4), X),
        max_unpool2d=(MAP, i(2, 3, 8, 8), [16, 16]),
        max_unpool3d=(VOLUME, i(2, 3, 4, 6, 8), [8, 12, 16], [2, 2, 2], [0, 0, 0]),
    ),
    *named(
        Kind.ACTIVATION, scalar=True, relu=(X,), relu_=(X,), gelu=(X,), silu=(X,), sigmoid=(X,),
        tanh=(X,), hardtanh=(X,), hardswish=(X,), hardsigmoid=(X,), leaky_relu=(X,), elu=(X,),
        softplus=(X,), mish=(X,), log_sigmoid_forward=(X,), threshold=(X, 0.1, 0.0), celu=(X,),
        selu=(X,), glu=(X,), relu6=(X,), erf=(X,), softshrink=(X,), hardshrink=(X,),
    ),
    *named(
        Kind.ACTIVATION, scalar=False, _prelu_kernel=(X, f(1, 4)), rrelu_with_noise=(X, f(2, 4)),
    ),
    *named(
        Kind.CREATE, scalar=True, zeros=([2],), ones=([2],), full=([2], 1.0), arange=(3,),
        empty__memory_format=([2],), linspace=(0, 1, 5), rand=([2],), randn=([2],), eye=(3,),
        randint=(5, [2]), randperm=(5,), zeros_like=(X,), ones_like=(X,), full_like=(X, 1.0),
        empty_like=(X,), rand_like=(X,), randn_like=(X,), new_zeros=(X, [2]), new_ones=(X, [2]),
        new_full=(X, [2], 1.0), new_empty=(X, [2]), new_empty_strided=(X, [2], [1]),
        empty_strided=([2], [1]), scalar_tensor=(1.0,), tril_indices=(3, 3), triu_indices=(3, 3),
        bernoulli=(X,), bernoulli___float=(X, 0.5), normal_=(X,), uniform_=(X,), zero_=(X,),
        fill___Scalar=(X, 1.0), exponential_=(X,), random_=(X,),
    ),
    *named(Kind.COPY, scalar=True, clone=(X,), _to_copy=(X,), contiguous=(X,)),
    *named(Kind.COPY, scalar=False, copy_=(X, f(4))),
    *named(
        Kind.ELEMENTWISE, scalar=False, where__self=(b(2, 4), X, X), complex=(X, X),
        masked_fill__Scalar=(X, b(2, 4), 0.0), masked_fill___Scalar=(X, b(2, 4), 0.0),
        add__Tensor=(X, X), floor_divide=(X, X), addr=(X, f(2), f(4)),
        _weight_norm_interface=(X, f(2, 1)),
    ),
    *named(
        Kind.ELEMENTWISE, scalar=True, native_dropout=(X, 0.5, True), add___Scalar=(X, 1),
        _conj=(torch.empty(2, dtype=torch.complex64, device="meta"),), mul__Tensor=(X, 2), exp=(X,),
    ),
]  # fmt: skip

# The shapes of these depend on values: real tensors.
VALUES = [
    Case(op, args, Kind.GATHER, kinds.FunctionAttrs(name, scalar=scalar), device="cpu")
    for op, name, args, scalar in (
        ("masked_select.default", "masked_select", (torch.ones(3), torch.ones(3) > 0), False),
        ("nonzero.default", "nonzero", (torch.ones(3),), True),
        ("_unique2.default", "unique2", (torch.ones(3),), True),
        ("repeat_interleave.Tensor", "repeat_interleave", (torch.tensor([1, 2]),), True),
        ("torchvision.nms.default", "nms", (torch.ones(2, 4), torch.ones(2), 0.5), False),
    )
]

CASES = [
    *MATRICES, *ATTENTION, *CONVOLUTIONS, *NORMS, *POOLS, *REDUCTIONS, *MOVES, *PADS, *RESAMPLES,
    *PLACES, *NAMED, *VALUES,
]  # fmt: skip

NOT_HERE = {
    "aten._sparse_addmm": "needs a sparse tensor: see test_recorder.py",
    "aten._scaled_dot_product_flash_attention_backward": "needs what a kernel of CUDA returns",
    "aten._scaled_dot_product_efficient_attention_backward": "needs what a kernel of CUDA returns",
    "aten.convolution_overrideable": "a kernel only for out-of-tree devices",
    "aten.mkldnn_max_pool2d": "takes tensors in oneDNN's own layout only",
    "aten._pin_memory": "needs an accelerator",
    "aten.mkldnn_rnn_layer": "has tests of its own below",
}


def reading(case: Case) -> Node:
    holder = nn.Module()
    holder.weight = WEIGHT
    recorder = Recorder(holder, meta=case.device == "meta", train=False)
    recorder.stack.register_outside((), {})
    with torch.no_grad():
        recorder.__torch_dispatch__(case.func, (), case.args, case.kwargs)
    return recorder.nodes[-1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.op)
def test_an_operator_is_read_as_worked_out_by_hand(case: Case) -> None:
    if case.op == "_convolution.default" and torch.__version__ < "2.14":
        pytest.skip("an older torch does not run it on meta")
    node = reading(case)
    assert (node.kind, node.attrs) == (case.kind, case.attrs)
    assert node.op == operator(case.func).name
    assert node.in_place == bool(operator(case.func).writes)


def test_every_reader_has_a_case() -> None:
    names = {case.name for case in CASES}
    covered = names | {name.rstrip("_") for name in names}
    assert not set(READERS) - covered - set(NOT_HERE)
    assert not covered & set(NOT_HERE)


def test_every_reader_names_an_operator_of_torch() -> None:
    for key in READERS:
        namespace, _, name = key.partition(".")
        packets = [getattr(getattr(torch.ops, namespace), name + tail, None) for tail in ("", "_")]
        assert any(isinstance(item, torch._ops.OpOverloadPacket) for item in packets), key


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("_pdist_forward.default", (f(5, 3), 2.0)),
        ("_fft_r2c.default", (X, [1], 0, True)),
        ("linalg_inv_ex.default", (f(3, 3),)),
        ("_cholesky_solve_helper.default", (f(3, 1), f(3, 3), False)),
    ],
)
def test_an_unknown_operator_is_opaque(op: str, args: tuple[Any, ...]) -> None:
    node = reading(Case(op, args, Kind.OPAQUE, kinds.FunctionAttrs("")))
    assert node.kind == Kind.OPAQUE
    assert node.op == f"aten.{op.partition('.')[0]}"


def test_tags_read_operators_without_a_line() -> None:
    cases = {
        Kind.ELEMENTWISE: ("lgamma.default", (X,)),  # tagged pointwise
        Kind.RESHAPE: ("view_as_real.default", (X.to(torch.complex64),)),  # a view by its schema
        Kind.CREATE: ("hann_window.default", (5,)),  # takes no tensor
    }
    for kind, (op, args) in cases.items():
        assert reading(Case(op, args, kind, kinds.FunctionAttrs(""))).kind == kind


def macs(graph: Graph) -> int:
    assert all(node.kind in MACS for node in graph.nodes)
    return sum(MACS[node.kind](graph, node) for node in graph.nodes)


STEPS, BATCH, SIZE, HIDDEN = 7, 2, 5, 3


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize(("cell", "gates"), [(nn.LSTM, 4), (nn.GRU, 3), (nn.RNN, 1)])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent_layers_count_their_gate_products(
    device: str,
    cell: Any,
    gates: int,
    layers: int,
    bidirectional: bool,  # noqa: FBT001
) -> None:
    with torch.device(device):
        net = cell(SIZE, HIDDEN, layers, bidirectional=bidirectional)
        x = torch.zeros(STEPS, BATCH, SIZE)
    graph = graph_of(net, x)
    ways = 2 if bidirectional else 1
    # Each step: gates × hidden × (input + hidden); the second layer reads all directions.
    inputs = [SIZE] + [HIDDEN * ways] * (layers - 1)
    per_step = sum(ways * gates * HIDDEN * (size + HIDDEN) for size in inputs)
    assert macs(graph) == STEPS * BATCH * per_step


def test_the_fused_layer_of_onednn_is_recurrent() -> None:
    graph = graph_of(nn.LSTM(SIZE, HIDDEN), torch.zeros(STEPS, BATCH, SIZE))
    fused = [node for node in graph.nodes if node.op == "aten.mkldnn_rnn_layer"]
    if not torch.backends.mkldnn.is_available():
        pytest.skip("this torch has no oneDNN")
    assert [node.kind for node in fused] == [Kind.RECURRENT]
    assert fused[0].attrs == kinds.RecurrentAttrs(STEPS, BATCH, SIZE, HIDDEN, gates=4)
