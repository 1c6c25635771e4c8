"""What stands on a box, for each kind of operator."""

import pytest
import torch
from hand_made_graphs import Maker
from torch import nn

import archlab
from archlab.fold import Shape
from archlab.fold.flow import flow
from archlab.fold.names import recurrent, shape_of, title
from archlab.ir.kinds import (
    AttentionAttrs,
    AxesAttrs,
    ConvAttrs,
    FunctionAttrs,
    Kind,
    MatmulAttrs,
    NormAttrs,
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
         [(1, 12, 9, 64)] * 2, (1, 12, 9, 64), "Attention · 12 heads, causal mask"),
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


def test_a_recurrent_layer_is_told_by_its_parameters() -> None:
    make = Maker()
    for end in ("l0", "l0_reverse", "l1", "l1_reverse"):
        make.param(f"rnn.weight_hh_{end}", (64, 16))
    make.param("other.weight_hh_l0", (4, 99))
    words = recurrent(make.graph([]), "rnn", "LSTM")
    assert words == "LSTM · 16 hidden · bidirectional · 2 layers"


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


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_pool_to_one_value_a_channel_has_the_same_name_in_any_dimension(axes) -> None:
    layer = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1](2, 4, 1)
    pool = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[axes - 1](1)
    for last in (pool, Averages(axes)):
        net = archlab.load(nn.Sequential(layer, last), input=(2, *[8] * axes))
        title = archlab.render(net).drawing.boxes[2].title
        # A mean over the last of two axes may as well be one over features.
        assert title == ("Mean" if last is not pool and axes == 1 else "Global average pool")


class Averages(nn.Module):
    def __init__(self, axes: int) -> None:
        super().__init__()
        self.axes = tuple(range(2, 2 + axes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(self.axes)
