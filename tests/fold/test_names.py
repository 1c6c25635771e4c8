"""What stands on a box, for each kind of operator."""

import pytest
from hand_made_graphs import Maker

from archlab.fold import Shape
from archlab.fold.flow import flow
from archlab.fold.names import channels, recurrent, shape_of, title
from archlab.ir.kinds import (
    AttentionAttrs,
    AxesAttrs,
    ConvAttrs,
    FunctionAttrs,
    Kind,
    MatmulAttrs,
    NormAttrs,
    PermuteAttrs,
    PoolAttrs,
    RecurrentAttrs,
    ResampleAttrs,
)

MAP, TOKENS = (1, 8, 16, 16), (1, 197, 64)


def conv(kernel=(3, 3), stride=(1, 1), dilation=(1, 1), groups=1) -> ConvAttrs:
    return ConvAttrs(kernel, stride, (0, 0), dilation, groups, bias=False)


def pool(mode, kernel=(), stride=(), *, adaptive=False) -> PoolAttrs:
    return PoolAttrs(mode, kernel, stride, (0, 0), (1, 1), adaptive=adaptive)


def made(kind, op, attrs, inputs, output):
    make = Maker()
    out = make.node(kind, op, "", [make.input(shape) for shape in inputs], output, attrs)
    graph = make.graph([out])
    return graph, graph.nodes[0]


@pytest.mark.parametrize(
    ("kind", "op", "attrs", "inputs", "output", "words"),
    [
        (Kind.CONV, "convolution", conv(), [MAP], MAP, "Conv 3×3"),
        (Kind.CONV, "convolution", conv((1, 7), (1, 2)), [MAP], MAP, "Conv 1×7 /1×2"),
        (Kind.CONV, "convolution", conv(groups=2, dilation=(2, 2)), [MAP], MAP, "Conv 3×3 g2 d2"),
        (Kind.CONV, "convolution", conv(stride=(2, 2), groups=8), [MAP], MAP, "DWConv 3×3 /2"),
        (Kind.CONV_TRANSPOSE, "convolution", conv((2, 2), (2, 2)), [MAP], MAP, "ConvT 2×2 /2"),
        (Kind.LINEAR, "mm", MatmulAttrs(1, 1, 64, 10), [(1, 64)], (1, 10), "Linear 64 → 10"),
        (Kind.MATMUL, "bmm", MatmulAttrs(3, 197, 64, 10), [TOKENS], TOKENS, "MatMul 197×64×10"),
        (Kind.ATTENTION, "sdpa", AttentionAttrs(12, 9, 9, 64, 64, causal=True),
         [(1, 12, 9, 64)] * 2, (1, 12, 9, 64), "Attention · 12 heads, causal"),
        (Kind.RECURRENT, "lstm", RecurrentAttrs(9, 1, 8, 16, gates=4), [(9, 8)], (9, 16),
         "LSTM · 16 hidden"),
        (Kind.NORM, "native_layer_norm", NormAttrs("layer", batch_stats=True, affine=True),
         [TOKENS], TOKENS, "LN"),
        (Kind.POOL, "max_pool2d", pool("max", (3, 3), (2, 2)), [MAP], MAP, "MaxPool 3×3 /2"),
        (Kind.POOL, "avg_pool2d", pool("average", (2, 2)), [MAP], MAP, "AvgPool 2×2 /2"),
        (Kind.POOL, "_adaptive_avg_pool2d", pool("average", adaptive=True), [MAP], (1, 8, 1, 1),
         "Global average pool"),
        (Kind.POOL, "_adaptive_avg_pool2d", pool("average", adaptive=True), [MAP], (1, 8, 7, 7),
         "AdaptiveAvgPool to 7×7"),
        (Kind.REDUCE, "mean", AxesAttrs("mean", (3, 2)), [MAP], (1, 8), "Global average pool"),
        (Kind.REDUCE, "mean", AxesAttrs("mean", (1,)), [TOKENS], (1, 64), "Mean over tokens"),
        (Kind.REDUCE, "amax", AxesAttrs("amax", (1,)), [TOKENS], (1, 64), "Amax"),
        (Kind.RESAMPLE, "upsample_nearest2d", ResampleAttrs("nearest"), [MAP], (1, 8, 24, 24),
         "Upsample ×1.5 nearest"),
        (Kind.RESAMPLE, "upsample_bilinear2d", ResampleAttrs("bilinear"), [MAP], (1, 8, 4, 4),
         "Resample bilinear"),
        (Kind.GATHER, "embedding", None, [(50, 32), (1, 9)], (1, 9, 32), "Embedding 50 × 32"),
        (Kind.OPAQUE, "mystery", None, [MAP], MAP, "aten.mystery (not known)"),
    ],
)  # fmt: skip
def test_an_operator_is_named_in_the_words_of_the_field(
    kind, op, attrs, inputs, output, words
) -> None:
    assert title(*made(kind, op, attrs, inputs, output)) == words


def test_an_activation_is_called_as_its_module() -> None:
    graph, node = made(Kind.ACTIVATION, "threshold", None, [MAP], MAP)
    assert (title(graph, node), title(graph, node, "ReLU")) == ("Threshold", "ReLU")
    assert title(graph, node, "MyOwn") == "Threshold"


def test_arithmetic_tells_tensors_numbers_and_learned_tables_apart() -> None:
    make = Maker()
    x, index = make.input((1, 9, 4)), make.input((1, 9))
    table = make.param("table", (20, 4))
    fixed = make.tensor((1, 9), "buffer", "positions")
    by_position, by_data = (
        make.node(Kind.GATHER, "embedding", "", [table, each], (1, 9, 4)) for each in (fixed, index)
    )
    for other in ([x], [], [by_data], [by_position], [make.param("bias", (1, 9, 4))]):
        out = make.node(Kind.ELEMENTWISE, "add", "", [x, *other], (1, 9, 4))
    graph = make.graph([out])
    assert [title(graph, node) for node in graph.nodes[2:]] == [
        "+", "Shift", "+", "Add learned 20×4", "Add learned 9×4",
    ]  # fmt: skip


def test_a_recurrent_layer_is_told_by_its_parameters() -> None:
    make = Maker()
    for end in ("l0", "l0_reverse", "l1", "l1_reverse"):
        make.param(f"rnn.weight_hh_{end}", (64, 16))
    make.param("other.weight_hh_l0", (4, 99))
    words = recurrent(make.graph([]), "rnn", "LSTM")
    assert words == "LSTM · 16 hidden · bidirectional · 2 layers"


@pytest.mark.parametrize(
    ("kind", "shape", "count"),
    [
        (Kind.CONV, (1, 8, 16, 16), 8),
        (Kind.NORM, (1, 14, 14, 96), 96),  # Swin and ConvNeXt keep channels last
        (Kind.LINEAR, (1, 7, 5, 3), 3),
        (Kind.ACTIVATION, (1, 197, 64), 64),
        (Kind.REDUCE, (1,), None),
        (Kind.MATMUL, (1, 197, 64), None),
    ],
)
def test_channels_are_the_axis_that_the_kind_makes(kind, shape, count) -> None:
    assert channels(*made(kind, "op", None, [shape], shape)) == count


def test_joins_of_two_tensors_have_shapes_of_their_own() -> None:
    make = Maker()
    x, y = make.input(), make.input()
    for op, inputs in (("add", [x, y]), ("mul", [x, y]), ("maximum", [x, y]), ("mul", [x])):
        make.node(Kind.ELEMENTWISE, op, "", inputs, attrs=FunctionAttrs(op))
    graph = make.graph([make.cat([x, y], "")])
    stream = flow(graph)
    assert [shape_of(node, stream) for node in graph.nodes] == [
        Shape.SUM, Shape.PRODUCT, Shape.OPERATOR, Shape.OPERATOR, Shape.CONCAT,
    ]  # fmt: skip


def labelled(*steps, shape=(1, 8, 400)) -> int | None:
    """Channels of the last of a row of nodes: kind, shape, attributes."""
    make = Maker()
    x = make.input(shape)
    for kind, shape, attrs in steps:
        x = make.node(kind, "op", "", [x], shape, attrs)
    graph = make.graph([x])
    return channels(graph, graph.nodes[-1])


def test_of_a_sequence_the_layers_say_which_axis_holds_the_channels() -> None:
    # Axis 1 behind a convolution, the last one behind a linear layer or a layer norm.
    sequence, tokens = (1, 8, 400), (1, 400, 8)
    norm = NormAttrs("layer", batch_stats=True, affine=True)
    first = (Kind.CONV, sequence, conv((3,), (1,), (1,)))
    turn = (Kind.PERMUTE, tokens, PermuteAttrs((0, 2, 1)))
    assert labelled(first) == 8
    assert labelled(first, (Kind.ACTIVATION, sequence, None)) == 8
    assert labelled(first, turn, (Kind.ACTIVATION, tokens, None)) == 8
    assert labelled((Kind.NORM, tokens, norm), (Kind.ACTIVATION, tokens, None), shape=tokens) == 8


def test_a_map_that_is_not_square_may_have_channels_last() -> None:
    norm, shape = NormAttrs("layer", batch_stats=True, affine=True), (1, 7, 10, 96)
    assert labelled((Kind.NORM, shape, norm), (Kind.ACTIVATION, shape, None), shape=shape) == 96
