"""Each rule against its formula on small graphs."""

import pytest

from archlab.analyze.flops import flops
from archlab.ir.kinds import (
    AttentionAttrs,
    AxesAttrs,
    ConvAttrs,
    FunctionAttrs,
    Kind,
    MatmulAttrs,
    NoAttrs,
    NormAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResampleAttrs,
)


def one(build, kind, shape, out, attrs=None, **options):
    """The totals of a graph of one node."""
    x = build.input(*shape)
    build.node(kind, (x,), out, attrs=attrs or NoAttrs(), **options)
    return flops(build.graph()).totals


def test_convolution(build) -> None:
    x = build.input(2, 8, 16, 16)
    build.conv(x, 12, kernel=(3, 5), stride=2, groups=4, path="conv")
    # batch 2 · outputs 12 · map 8 · 8 · taps 3 · 5 · input channels 8 / 4
    assert flops(build.graph()).totals.macs == 2 * 12 * 8 * 8 * 3 * 5 * 2


def test_transposed_convolution_counts_from_its_input(build) -> None:
    x = build.input(1, 6, 5, 5)
    attrs = ConvAttrs((2, 2), (2, 2), (0, 0), (1, 1), 3, bias=True, output_padding=(0, 0))
    build.node(Kind.CONV_TRANSPOSE, (x,), (1, 9, 10, 10), attrs=attrs)
    # every one of the 6 · 5 · 5 inputs goes to 2 · 2 taps of 9 / 3 outputs
    assert flops(build.graph()).totals.macs == 6 * 5 * 5 * 2 * 2 * 3


def test_matrix_products(build) -> None:
    x = build.input(7, 10)
    y = build.linear(x, 4, path="fc")
    build.node(Kind.MATMUL, (y, y), (7, 7), attrs=MatmulAttrs(3, 7, 4, 7))
    assert flops(build.graph()).totals.macs == 7 * 10 * 4 + 3 * 7 * 4 * 7


def test_attention_and_recurrent(build) -> None:
    attention = AttentionAttrs(8, queries=10, keys=20, head_size=16, value_size=12, causal=True)
    recurrent = RecurrentAttrs(steps=5, batch=2, input_size=8, hidden_size=16, gates=3)
    x = build.input(8, 10, 16)
    y = build.node(Kind.ATTENTION, (x,), (8, 10, 12), attrs=attention)
    build.node(Kind.RECURRENT, (y,), (5, 2, 16), attrs=recurrent)
    totals = flops(build.graph()).totals
    assert totals.macs == 8 * 10 * 20 * (16 + 12) + 5 * 2 * 3 * 16 * (8 + 16)
    # softmax: maximum, subtraction, exponential, sum, division of each score
    assert totals.other_flops == 5 * 8 * 10 * 20


@pytest.mark.parametrize(
    ("kind", "attrs", "out", "per_input", "per_output"),
    [
        (Kind.ACTIVATION, FunctionAttrs("relu"), (1, 4, 8, 8), 0, 1),
        (Kind.ELEMENTWISE, FunctionAttrs("add"), (1, 4, 8, 8), 0, 1),
        (Kind.SOFTMAX, AxesAttrs("softmax", (1,)), (1, 4, 8, 8), 0, 5),
        (Kind.NORM, NormAttrs("batch", batch_stats=False, affine=True), (1, 4, 8, 8), 2, 0),
        (Kind.NORM, NormAttrs("batch", batch_stats=True, affine=True), (1, 4, 8, 8), 5, 0),
        (Kind.NORM, NormAttrs("layer", batch_stats=False, affine=False), (1, 4, 8, 8), 4, 0),
        (Kind.POOL, PoolAttrs("max", (3, 3), (2, 2), (1, 1), (1, 1)), (1, 4, 4, 4), 0, 9),
        (Kind.POOL, PoolAttrs("average", (), (), (), (), adaptive=True), (1, 4, 1, 1), 1, 0),
        (Kind.REDUCE, AxesAttrs("mean", (2, 3)), (1, 4), 1, 0),
        (Kind.RESAMPLE, ResampleAttrs("nearest"), (1, 4, 16, 16), 0, 0),
        (Kind.RESAMPLE, ResampleAttrs("linear"), (1, 4, 16, 16), 0, 4),
        (Kind.RESAMPLE, ResampleAttrs("cubic"), (1, 4, 16, 16), 0, 16),
        (Kind.SCATTER, FunctionAttrs("index_add"), (1, 4, 8, 8), 0, 1),
        (Kind.SCATTER, FunctionAttrs("update"), (1, 4, 8, 8), 0, 0),
        *((kind, None, (4, 1, 8, 8), 0, 0) for kind in (Kind.RESHAPE, Kind.PERMUTE, Kind.SLICE,
          Kind.PAD, Kind.CONCAT, Kind.GATHER, Kind.CREATE, Kind.COPY)),
    ],
    ids=str,
)  # fmt: skip
def test_other_flops(build, kind, attrs, out, per_input, per_output) -> None:
    totals = one(build, kind, (1, 4, 8, 8), out, attrs)
    numel = out[0] * out[1] * (out[2] * out[3] if len(out) > 2 else 1)
    assert (totals.macs, totals.flops) == (0, 0)
    assert totals.other_flops == per_input * 256 + per_output * numel


def test_integers_are_no_flops(build) -> None:
    build.input(4, 4, dtype="int64")
    build.node(Kind.ELEMENTWISE, (0,), (4, 4), dtype="int64")
    assert flops(build.graph()).totals.other_flops == 0
