"""Bytes kept for the backward pass against autograd's own saved-tensors hooks on real tensors.

Unique storages, parameters and buffers left out; equal to the byte, wherever the CPU runs the same
operators. Two exceptions are the CPU's own: oneDNN's fused LSTM keeps a workspace, and attention
with dropout falls apart into its products there, while a trace takes it as one fused kernel.
"""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision.models
from torch import nn
from torch._higher_order_ops.scan import scan
from torch._higher_order_ops.while_loop import while_loop
from tracing import graph_of, meta

import archlab
from archlab import zoo
from archlab.analyze.memory import saved_storages
from archlab.tracer.recorder import Recorder


def measured(net: nn.Module, *inputs: torch.Tensor) -> int:
    """Run a train mode forward with values; return the bytes of what autograd packed."""
    own = {tensor.untyped_storage().data_ptr() for tensor in (*net.parameters(), *net.buffers())}
    kept: dict[int, int] = {}
    alive = []  # so that no address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor.detach())
        # An output that its own operator saves would hold the net in a circle of C++ references.
        return tensor.detach()

    net.train()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net(*inputs)
    return sum(kept.values())


def counted(net: nn.Module, *inputs: torch.Tensor) -> int:
    graph = archlab.trace(archlab.load(net, input=list(inputs)), mode="train")
    assert graph.build == "copied to meta"
    return sum(size for _, size in saved_storages(graph))


def image(batch: int, size: int) -> torch.Tensor:
    return torch.zeros(batch, 3, size, size)


class SelfAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x)[0]  # type: ignore[no-any-return]


class Unusual(nn.Module):
    """In-place operators, views, a detached branch, a product used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.frozen = nn.Conv2d(8, 8, 1).requires_grad_(requires_grad=False)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x).relu_()
        with torch.no_grad():
            gate = self.frozen(x).sigmoid()
        out = torch.zeros_like(x)
        out[:, :4] = (x * gate)[:, 4:]
        a, b = self.drop(out).chunk(2, 1)
        return (a * a.detach() + b.exp()).transpose(1, 3).reshape(x.shape[0], -1) @ torch.ones(
            out[0, :4].numel(), 2, device=x.device
        )


def torchvision_net(name: str, **options: Any) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name, weights=None, **options)


def encoder(*, dropout: float = 0.0, **options: Any) -> nn.Module:
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=dropout, **options)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


SEQUENCE = torch.zeros(10, 2, 32)

NETS: dict[str, tuple[Callable[[], nn.Module], torch.Tensor]] = {
    "resnet18": (torchvision_net("resnet18"), image(2, 64)),
    "mobilenet_v3_small": (torchvision_net("mobilenet_v3_small"), image(2, 96)),
    "densenet121": (torchvision_net("densenet121"), image(2, 64)),
    "swin_t": (torchvision_net("swin_t"), image(1, 96)),
    "convnext_tiny": (torchvision_net("convnext_tiny"), image(1, 96)),
    "efficientnet_b0": (torchvision_net("efficientnet_b0"), image(2, 64)),
    "shufflenet": (torchvision_net("shufflenet_v2_x0_5"), image(2, 64)),
    "squeezenet": (torchvision_net("squeezenet1_1"), image(2, 64)),
    "unusual": (Unusual, image(2, 9)),
    "gru": (lambda: nn.GRU(32, 16, 2, bidirectional=True), SEQUENCE),
    "encoder": (encoder, SEQUENCE),
    "encoder, norm first": (lambda: encoder(norm_first=True, activation="gelu"), SEQUENCE),
    "encoder, batch first": (lambda: encoder(batch_first=True), SEQUENCE.transpose(0, 1)),
    "attention": (SelfAttention, SEQUENCE),
    **{
        f"zoo {name}": ((lambda name=name: zoo.build(name)), image(2, 32))
        for name in ("resnet18", "resnet20", "plain20")
    },
    "zoo googlenet": (lambda: zoo.build("googlenet", layout="cifar"), image(2, 32)),
}


@pytest.mark.parametrize("name", NETS)
def test_saved_bytes_are_those_of_autograd(name: str) -> None:
    build, x = NETS[name]
    net = build()
    assert counted(net, x) == measured(net, x)


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [
        ("resnet18", 22.2),  # 22.2 MB at batch 1, 224²: shared/design/cost.md
        ("vit_b_16", 118.2),
    ],
)
def test_saved_bytes_at_the_published_size(name: str, megabytes: float) -> None:
    with torch.device("meta"):
        net = torchvision_net(name)()
    net.to_empty(device="cpu")  # no byte is written, so the weights take no memory
    saved = counted(net, image(1, 224))
    assert saved == measured(net, image(1, 224))
    assert saved / 1e6 == pytest.approx(megabytes, abs=0.05)


# torch's own flags() reads a setting for Intel GPUs, and warns that there is none.
@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN")
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_an_lstm_without_onednns_workspace(dropout: float) -> None:
    net = nn.LSTM(32, 16, 2, bidirectional=True, dropout=dropout)
    with torch.backends.mkldnn.flags(enabled=False):
        assert counted(net, SEQUENCE) == measured(net, SEQUENCE)


def test_dropout_beside_attention() -> None:
    net = encoder(dropout=0.1)
    for layer in net.layers:  # attention's own dropout: see the head of this file
        layer.self_attn.dropout = 0.0
    assert counted(net, SEQUENCE) == measured(net, SEQUENCE)


def test_frozen_layers_keep_nothing() -> None:
    net = nn.Sequential(nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 8))
    x = torch.zeros(4, 8)
    net[0].requires_grad_(requires_grad=False)
    # Only the input of the last layer: its weight needs a gradient.
    assert counted(net, x) == measured(net, x) == 4 * 8 * 4
    net.requires_grad_(requires_grad=False)
    assert counted(net, x) == measured(net, x) == 0


def test_an_eval_mode_trace_knows_nothing_of_it() -> None:
    assert archlab.trace("resnet20").saved is None


def test_what_is_saved_belongs_to_the_layer_that_saves_it() -> None:
    net = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 2))
    graph = archlab.trace(archlab.load(net, input=(4, 8)), mode="train")
    owners = dict(graph.saved or ())
    saved = {owners[storage]: size for storage, size in saved_storages(graph)}
    # The first layer keeps its input, tanh its output (which the last layer shares).
    assert saved == {"0": 4 * 8 * 4, "1": 4 * 6 * 4}


def test_gradients_flow_where_autograd_says() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).to("meta")
    net[0].requires_grad_(requires_grad=False)
    graph = graph_of(net, meta(3, 4), mode="train")
    first, second = [item for item in graph.nodes if item.op == "aten.addmm"]
    assert first.grads == (False, False, False)
    assert second.grads == (True, False, True)
    assert graph_of(net, meta(3, 4)).nodes[0].grads == ()


class Rows(nn.Module):
    """Rows of different lengths, in one tensor of a class of its own."""

    def __init__(self, layout: torch.layout) -> None:
        super().__init__()
        self.linear, self.layout = nn.Linear(8, 16), layout

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = torch.nested.nested_tensor([x[0, :3], x[1, :5]], layout=self.layout)
        return self.linear(rows).to_padded_tensor(0.0)  # type: ignore[no-any-return]


class Sparse(nn.Module):
    """A fixed adjacency of 20 edges among 10 nodes."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        edges = torch.stack([torch.arange(20) % 10, torch.arange(20) // 2])
        adjacency = torch.sparse_coo_tensor(edges, torch.ones(20), (10, 10)).coalesce()
        self.register_buffer("adjacency", getattr(adjacency, kind)())
        self.linear = nn.Linear(4, 6, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.adjacency @ self.linear(x)  # type: ignore[no-any-return]


class Flex(nn.Module):
    """Attention with a score function: scores and values, 2 × 64² × 16 for each of 4 heads."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn.attention.flex_attention import flex_attention

        q = x.unflatten(-1, (4, 16)).transpose(1, 2)
        return flex_attention(q, q, q, score_mod=lambda score, *_: score * 2)  # type: ignore[return-value]


class Biased(nn.Module):
    """flex_attention with a learned bias, which its score function reads."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, x: torch.Tensor) -> Any:
        from torch.nn.attention.flex_attention import flex_attention

        return flex_attention(x, x, x, score_mod=lambda s, _, h, i, j: s + self.bias[h] * (i - j))


@pytest.mark.filterwarnings("ignore")
def test_what_a_score_function_reads_is_executed() -> None:
    result = archlab.params(archlab.load(Biased(), input="[1x2x128x16]"))
    assert (result.totals.params, result.totals.unused) == (2, 0)


class Condition(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(3, 2), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        operands = (x,)
        return torch.cond(x.sum() > 1e9, self.large.forward, self.small.forward, operands)  # type: ignore[no-any-return]


class Scan(nn.Module):
    """A recurrence in an operator that takes a function, and lets nobody watch it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> Any:
        step = lambda carry, y: (self.linear(carry) + y, carry * 1)  # noqa: E731
        return scan(step, x[0] * 0, x)[1]


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.filterwarnings("ignore")
def test_what_lets_nobody_watch_it_is_missing(mode: str) -> None:
    result = archlab.flops(archlab.load(Scan(), input="[3x2x4]"), mode=mode)
    assert result.status == "partial"
    backward = ["what higher_order.scan keeps and computes for the backward pass"]
    expected = ["higher_order.scan", *(backward if mode == "train" else [])]
    assert [gap.what for gap in result.missing] == expected


class Loop(nn.Module):
    """Three steps of a linear layer of 4 × 4, over 6 rows."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> Any:
        start = (torch.tensor(0), x)
        body = lambda i, y: (i + 1, self.linear(y))  # noqa: E731
        return while_loop(lambda i, _: i < 3, body, start)[1]


class Batched(nn.Module):
    """Three linear layers of 8 to 4 as one, over a batch of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList([nn.Linear(8, 4) for _ in range(3)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights, biases = (
            torch.stack([getattr(member, name) for member in self.members])
            for name in ("weight", "bias")
        )
        return torch.vmap(lambda w, b: nn.functional.linear(x, w, b))(weights, biases)


UNUSUAL: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int]] = {
    "jagged": (lambda: Rows(torch.jagged), (2, 6, 8), (3 + 5) * 8 * 16),
    "nested": (lambda: Rows(torch.strided), (2, 6, 8), (3 + 5) * 8 * 16),
    "sparse, coordinates": (lambda: Sparse("coalesce"), (10, 4), 10 * 4 * 6 + 20 * 6),
    "sparse, rows": (lambda: Sparse("to_sparse_csr"), (10, 4), 10 * 4 * 6 + 20 * 6),
    "batched": (Batched, (5, 8), 3 * 5 * 8 * 4),
    "flex attention": (Flex, (1, 64, 64), 2 * 4 * 64 * 64 * 16),
    "condition": (Condition, (4, 3), 4 * 3 * 2),
    "loop": (Loop, (3, 2, 4), 3 * 6 * 4 * 4),
}


@pytest.mark.parametrize("name", UNUSUAL)
@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.filterwarnings("ignore")  # torch calls several of these beta, or slow
def test_unusual_tensors_and_operators_are_counted(name: str, mode: str) -> None:
    make, shape, macs = UNUSUAL[name]
    if (name, mode) == ("flex attention", "train"):
        pytest.skip("torch has no gradient of it on a CPU")
    result = archlab.flops(archlab.load(make(), input=shape), mode=mode)
    assert result.macs == macs
    # What has no rule is told: how torch packs and unpacks the rows, and the backward pass of
    # operators that take functions.
    told = (
        ("nested", "padded", "higher_order", "NestedTensor")
        if mode == "train"
        else ("nested", "padded")
    )
    assert all(any(word in gap.what for word in told) for gap in result.missing)
    assert (name in ("condition", "loop") and mode == "train") <= bool(result.missing)


@pytest.mark.parametrize(
    ("layer", "shape", "products"),
    [
        (nn.Linear(16, 32, dtype=torch.cfloat), (4, 16), 4 * 16 * 32),
        (nn.Conv2d(2, 3, 3, dtype=torch.cfloat), (1, 2, 8, 8), 36 * 3 * 2 * 9),
        (nn.Conv1d(2, 3, 3, stride=2, dtype=torch.cfloat), (1, 2, 9), 4 * 3 * 2 * 3),
        (nn.ConvTranspose2d(2, 3, 3, dtype=torch.cfloat), (1, 2, 8, 8), 64 * 2 * 3 * 9),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_complex_product_is_four_real_ones(
    layer: nn.Module, shape: tuple[int, ...], products: int
) -> None:
    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: torch.Tensor) -> Any:
            return self.layer(torch.complex(x, x))

    model = archlab.load(Complex(), input=shape)
    totals = archlab.flops(model, mode="train").totals
    assert (totals.macs, totals.backward_macs) == (4 * products, 4 * products)


def test_a_trace_leaves_nothing_that_only_the_collector_can_free() -> None:
    net, x = nn.Sequential(nn.Linear(2, 2)), torch.empty(1, 2)
    # Errors that other tests keep may hold recorders, too.
    before = {id(item) for item in gc.get_objects() if type(item) is Recorder}
    gc.disable()
    try:
        archlab.load(net, input=x).trace("train")
        after = {id(item) for item in gc.get_objects() if type(item) is Recorder}
    finally:
        gc.enable()
    assert after <= before
