"""Costs by module and by kind; the backward pass against torch's own counter."""

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import archlab
from archlab.analyze.flops import flops
from archlab.errors import OptionError
from archlab.ir.kinds import (
    Kind,
    MatmulAttrs,
    NormAttrs,
    PoolAttrs,
    ResampleAttrs,
)


def test_an_operator_without_a_rule_makes_the_count_partial(build) -> None:
    x = build.input(2, 4)
    x = build.linear(x, 4, path="fc")
    for path in ("spectrum", "later"):
        x = build.same(Kind.OPAQUE, x, path=path, op="aten._fft_r2c")
    result = flops(build.graph())
    assert result.status == "partial"
    (missing,) = result.missing
    assert (missing.what, missing.count, missing.path) == ("aten._fft_r2c", 2, "spectrum")
    assert dict(result.extra)["coverage"] == "1 of 3 compute ops counted; not counted: _fft_r2c ×2"
    assert result.totals.macs == 2 * 4 * 4


def test_rows_sum_up_the_module_tree(build) -> None:
    x = build.input(1, 3, 8, 8)
    x = build.conv(x, 4, kernel=3, path="stage.conv")  # 4 · 64 · 27 = 6,912
    x = build.same(Kind.ACTIVATION, x, path="stage")  # 256, in the stage itself
    x = build.node(Kind.RESHAPE, (x,), (1, 256), view_of=x)
    build.linear(x, 10, path="fc")  # 2,560
    result = flops(build.graph())
    rows = {row.path: (row.macs, row.other_flops) for row in result.rows}
    assert rows == {
        "": (6912 + 2560, 256),
        "stage": (6912, 256),
        "stage.conv": (6912, 0),
        "fc": (2560, 0),
    }
    assert [row.share for row in result.rows] == pytest.approx([1, 6912 / 9472, 6912 / 9472,
                                                                2560 / 9472])  # fmt: skip
    assert result.totals.params == 4 * 27 + 256 * 10


def test_rows_by_kind_are_sorted_by_macs(build) -> None:
    x = build.input(1, 3, 8, 8)
    x = build.conv(x, 4, kernel=3, path="a")
    x = build.conv(x, 4, path="b")  # 4 · 64 · 4 = 1,024
    build.same(Kind.ACTIVATION, x)
    result = flops(build.graph(), by="kind")
    assert [(row.path, row.type, row.macs) for row in result.rows] == [
        ("conv", "×2", 6912 + 1024),
        ("activation", "×1", 0),
    ]
    assert not result.tree


def test_fvcore_convention(build) -> None:
    """Fvcore's own handles: 2 per element of a batch norm, 1 per input of an adaptive pool …"""
    x = build.input(1, 4, 8, 8)
    norm = NormAttrs("batch", batch_stats=False, affine=True)
    x = build.same(Kind.NORM, x, attrs=norm)  # 2 · 256
    x = build.same(Kind.NORM, x, attrs=NormAttrs("rms", batch_stats=False, affine=True))  # none
    up = ResampleAttrs("linear")
    x = build.node(Kind.RESAMPLE, (x,), (1, 4, 16, 16), attrs=up)  # 4 · 1,024
    pool = PoolAttrs("average", (), (), (), (), adaptive=True)
    build.node(Kind.POOL, (x,), (1, 4, 1, 1), attrs=pool)  # 1,024
    graph = build.graph()
    theirs, ours = flops(graph, convention="fvcore").totals, flops(graph).totals
    assert theirs.macs == 2 * 256 + 4 * 1024 + 1024
    assert theirs.other_flops == 5 * 256  # only the rms norm is left
    assert (ours.macs, ours.other_flops) == (0, 2 * 256 + 5 * 256 + 4 * 1024 + 1024)


def test_unknown_choices(build) -> None:
    build.input(1)
    with pytest.raises(OptionError, match="Did you mean fvcore"):
        flops(build.graph(), convention="fvcor")
    with pytest.raises(OptionError, match="Allowed: module, kind"):
        flops(build.graph(), by="layer")


def test_an_empty_graph_costs_nothing(build) -> None:
    build.input(1, 3)
    result = flops(build.graph())
    assert (result.totals.macs, result.totals.other_flops, result.rows[0].share) == (0, 0, 0.0)
    assert result.status == "complete"


def test_backward_is_one_product_per_gradient(train) -> None:
    x = train.input(4, 6)
    x = train.linear(x, 5, path="first", grads=(False, True))  # weight only: 120
    x = train.linear(x, 3, path="frozen", grads=(True, False))  # input only: 60
    train.linear(x, 2, path="last", grads=(True, True))  # both: 2 · 24
    result = flops(train.graph())
    assert result.totals.backward_macs == 120 + 60 + 2 * 24
    assert result.totals.backward_flops == 2 * result.totals.backward_macs
    assert {row.path: row.backward_macs for row in result.rows} == {
        "": 228, "first": 120, "frozen": 60, "last": 48,
    }  # fmt: skip


def test_backward_of_a_bias_is_no_product(train) -> None:
    """Addmm has the bias in front of the factors, a convolution behind them."""
    x = train.input(4, 6)
    weight, bias = train.param("fc.weight", 5, 6), train.param("fc.bias", 5)
    attrs = MatmulAttrs(1, 4, 6, 5)
    grads = (True, False, True)
    train.node(Kind.LINEAR, (bias, x, weight), (4, 5), attrs=attrs, op="aten.addmm", grads=grads)
    assert flops(train.graph()).totals.backward_macs == 4 * 6 * 5


def test_eval_mode_has_no_backward(build) -> None:
    build.linear(build.input(4, 6), 5)
    result = flops(build.graph())
    assert result.totals.backward_macs is None
    assert result.rows[0].backward_macs is None


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 10)

    def forward(self, x):
        q, k, v = self.qkv(x).view(2, 12, 3, 4, 8).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(2, 12, 32))


DENSE = {
    "mlp": (nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 4)), (3, 12)),
    "mlp without bias": (nn.Sequential(nn.Linear(12, 8, bias=False), nn.Linear(8, 4)), (3, 12)),
    "convolutions": (
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1)),
        (2, 3, 9, 9),
    ),
    "transposed": (
        nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ConvTranspose2d(8, 4, 2, 2)),
        (1, 3, 9, 9),
    ),
    "attention": (Attention(), (2, 12, 32)),
    "encoder": (nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True), (2, 6, 16)),
    "resnet18": (torchvision.models.resnet18(num_classes=10), (2, 3, 64, 64)),
}


@pytest.mark.parametrize("wanted", ["q", "k", "v", "qk", "kv", "qv", "qkv", "m"])
def test_backward_of_attention_depends_on_what_wants_a_gradient(wanted: str) -> None:
    class Frozen(nn.Module):
        """Queries, keys, values and a mask that are parameters, some of them frozen."""

        def __init__(self) -> None:
            super().__init__()
            sizes = {"q": (2, 5, 4), "k": (2, 6, 4), "v": (2, 6, 3), "m": (5, 6)}
            for name, size in sizes.items():
                parameter = nn.Parameter(torch.randn(size), requires_grad=name in wanted)
                self.register_parameter(name, parameter)

        def forward(self, x):
            return nn.functional.scaled_dot_product_attention(x * self.q, self.k, self.v, self.m)

    net, x = Frozen(), torch.randn(2, 5, 4)
    ours = archlab.flops(archlab.load(net, input=x), mode="train").totals
    with sdpa_kernel(SDPBackend.MATH):
        out = net.train()(x)
        with FlopCounterMode(display=False) as counter:
            out.sum().backward()
    assert ours.backward_flops == counter.get_total_flops()


@pytest.mark.parametrize("name", DENSE)
def test_forward_and_backward_equal_torchs_counter(name) -> None:
    """Torch counts what autograd really runs: no input gradient for the first layer, for one."""
    net, shape = DENSE[name]
    x = torch.randn(shape)
    ours = archlab.flops(archlab.load(net, input=x), mode="train").totals
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        out = net.train()(x)
        forward = counter.get_total_flops()
        out.sum().backward()
    net.zero_grad()
    assert ours.flops == forward
    assert ours.backward_flops == counter.get_total_flops() - forward


def test_backward_of_a_frozen_trunk() -> None:
    """Nothing below the first trainable layer is differentiated."""
    net = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 4))
    net[0].requires_grad_(requires_grad=False)
    assert (
        archlab.flops(archlab.load(net, input=(3, 12)), mode="train").totals.backward_macs
        == 3 * 8 * 4
    )
    net.requires_grad_(requires_grad=False)
    assert archlab.flops(archlab.load(net, input=(3, 12)), mode="train").totals.backward_macs == 0


def test_backward_of_a_depthwise_convolution_is_twice_the_forward() -> None:
    """Torch's own counter says 17 times for this one."""
    first, depthwise = nn.Conv2d(3, 16, 1), nn.Conv2d(16, 16, 3, padding=1, groups=16)
    result = archlab.flops(
        archlab.load(nn.Sequential(first, depthwise), input=(1, 3, 8, 8)), mode="train"
    )
    rows = {row.path: row for row in result.rows}
    assert rows["1"].macs == 16 * 64 * 9
    assert rows["1"].backward_macs == 2 * rows["1"].macs


def test_auxiliary_heads_cost_in_train_mode_only() -> None:
    """Torchvision's GoogLeNet publishes 1.498 G; the heads add per sample what they say.

    Each: 4×4 average pool, 1×1 convolution to 128 on 4×4, linear 2048 → 1024 → 1000.
    """
    model = archlab.load("torchvision:googlenet", batch=2, init_weights=False)
    heads = sum(16 * width * 128 + 2048 * 1024 + 1024 * 1000 for width in (512, 528))
    assert archlab.flops(model).totals.macs == 2 * 1_498_376_192
    assert archlab.flops(model, mode="train").totals.macs == 2 * 1_506_748_416
    assert heads == 1_506_748_416 - 1_498_376_192


@pytest.mark.filterwarnings("ignore:Sparse invariant")
def test_the_backward_pass_of_a_sparse_matrix_is_counted_once_for_the_dense_one() -> None:
    """3 stored elements; 2 × 4 weights twice, whose input wants a gradient the second time."""

    class Graph(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 4), nn.Linear(4, 2)
            places = torch.tensor([[0, 1, 2], [1, 2, 0]])
            self.register_buffer("edges", torch.sparse_coo_tensor(places, torch.ones(3), (3, 3)))

        def forward(self, x):
            return self.second(torch.sparse.mm(self.edges, self.first(x)))

    totals = archlab.flops(archlab.load(Graph(), input=(3, 2)), mode="train").totals
    assert totals.macs == 3 * 8 + 3 * 4 + 3 * 8
    assert totals.backward_macs == 3 * 8 + 3 * 4 + 2 * 3 * 8
