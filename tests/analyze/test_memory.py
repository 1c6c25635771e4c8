"""Storages by hand on small graphs; saved tensors against autograd's own hooks."""

from functools import partial
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention as attention
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import archlab
from archlab.analyze.memory import inference_peak, memory, saved_storages
from archlab.errors import OptionError
from archlab.ir.kinds import Kind

KB = 1024  # one float32 tensor of 256 elements


def test_peak_of_a_chain_is_two_tensors(build) -> None:
    x = build.input(1, 256)
    for path in ("a", "b", "c"):
        x = build.same(Kind.ACTIVATION, x, path=path)
    peak = inference_peak(build.graph())
    assert (peak.bytes, peak.path) == (2 * KB, "a")
    assert peak.alive == (("input", KB), ("a", KB))


def test_a_shortcut_is_alive_until_it_is_added(build) -> None:
    x = build.input(1, 64)
    x = build.node(Kind.GATHER, (x,), (1, 256), path="stem")
    y = build.same(Kind.ACTIVATION, x, path="a")
    y = build.same(Kind.ACTIVATION, y, path="b")
    build.node(Kind.ELEMENTWISE, (x, y), (1, 256), path="add")
    peak = inference_peak(build.graph())
    assert (peak.bytes, peak.path) == (3 * KB, "b")
    assert dict(peak.alive) == {"stem": KB, "a": KB, "b": KB}


def test_views_and_in_place_operators_are_free(build) -> None:
    x = build.input(1, 256)
    view = build.node(Kind.RESHAPE, (x,), (16, 16), view_of=x)
    build.node(Kind.ACTIVATION, (view,), (16, 16), view_of=x)
    totals = memory(build.graph()).totals
    assert (totals.inference_peak, totals.activations) == (KB, 0)


def test_the_output_is_alive_to_the_end(build) -> None:
    x = build.input(1, 64)
    early = build.node(Kind.GATHER, (x,), (1, 256), path="early")
    late = build.node(Kind.GATHER, (x,), (1, 128), path="late")
    last = build.same(Kind.ACTIVATION, late, path="last")
    graph = build.graph(early, last)
    assert inference_peak(graph).bytes == KB + 512 + 512
    assert inference_peak(build.graph(last)).bytes == max(KB + 256, 256 + 512, 512 + 512)


def test_parameters_and_buffers_are_apart(build) -> None:
    x = build.input(1, 16)
    build.linear(x, 16, path="fc")
    build.param("stat", 100, buffer=True)
    totals = memory(build.graph()).totals
    assert (totals.parameters, totals.buffers) == (16 * 16 * 4, 400)
    assert (totals.inference_peak, totals.activations) == (128, 64)


def test_training_total(build, train) -> None:
    for side in (build, train):
        x = side.input(1, 256)
        side.linear(x, 16, path="fc")
        side.param("frozen", 100, trainable=False)
    train.saved = [
        (train.tensors[0].storage, "fc"),
        (train.tensors[1].storage, "fc"),  # the weight: not an activation
    ]
    weights, frozen = 256 * 16 * 4, 400
    kept = {"sgd": 0, "momentum": 1, "adam": 2}
    for optimizer, copies in kept.items():
        totals = memory(build.graph(), train.graph(), optimizer=optimizer).totals
        assert totals.gradients == weights
        assert totals.optimizer_state == copies * weights
        assert totals.saved_for_backward == KB
        assert totals.training == 2 * weights + frozen + copies * weights + KB
    result = memory(build.graph(), train.graph())
    assert {row.path: row.saved_for_backward for row in result.rows} == {"": KB, "fc": KB}
    assert result.status == "complete"


def test_without_a_train_trace_training_is_unavailable(build) -> None:
    build.linear(build.input(1, 16), 4)
    result = memory(build.graph(), None, why_untrained="batch of one")
    assert (result.totals.saved_for_backward, result.totals.training) == (None, None)
    assert result.rows[0].saved_for_backward is None
    assert result.status == "partial"
    assert str(result.missing[0]) == "not counted: saved for backward: batch of one"


def test_unknown_optimizer(build) -> None:
    build.input(1)
    with pytest.raises(OptionError, match="Did you mean adam"):
        memory(build.graph(), optimizer="adamw")


def test_where_the_peak_is_comes_with_the_json(build) -> None:
    build.same(Kind.ACTIVATION, build.input(1, 256), path="act")
    document = memory(build.graph()).to_dict()
    assert document["peak"]["path"] == "act"
    assert document["totals"]["inference_peak"] == 2 * KB


def test_resnet18_peak_is_two_maps() -> None:
    """The largest moment: the first norm's input and output, 64 × 112 × 112 in float32."""
    totals = archlab.memory("torchvision:resnet18").totals
    assert totals.inference_peak == 2 * 64 * 112 * 112 * 4 == 6_422_528
    assert totals.parameters == 4 * 11_689_512
    assert totals.optimizer_state == 2 * totals.gradients == 2 * totals.parameters


class Live(TorchDispatchMode):
    """The most bytes of storages alive at once in a real forward, weights left out."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        weights = (*net.parameters(), *net.buffers())
        self.weights = {tensor.untyped_storage()._cdata for tensor in weights}
        self.alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.most = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        gone = [key for key, (reference, _) in self.alive.items() if reference.expired()]
        for key in gone:
            del self.alive[key]
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves((args, kwargs, out)):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.weights:
                    entry = (StorageWeakRef(storage), storage.nbytes())
                    self.alive.setdefault(storage._cdata, entry)
        self.most = max(self.most, sum(size for _, size in self.alive.values()))
        return out


@pytest.mark.parametrize(
    "name",
    [
        "resnet50", "vit_b_16", "swin_t", "densenet121", "mobilenet_v3_large", "googlenet",
        "convnext_tiny", "efficientnet_b0", "squeezenet1_0", "inception_v3",
    ],
)  # fmt: skip
def test_the_eager_peak_is_what_a_real_forward_holds(name) -> None:
    """A quarter of the usual side, as the ratio is asked; the lower bound may be far below."""
    given = {"vit_b_16": {"image_size": 64}}
    given |= {key: {"init_weights": False} for key in ("googlenet", "inception_v3")}
    options = given.get(name, {})
    with torch.device("meta"):
        net = getattr(torchvision.models, name)(**options).eval()
    net.to_empty(device="cpu")
    for buffer in net.buffers():
        buffer.zero_()  # positions, among others
    side = 96 if name == "inception_v3" else 64
    x = torch.zeros(1, 3, side, side)
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        with torch.no_grad(), Live(net) as live:
            net(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(value=True)
    totals = archlab.memory(archlab.load(f"torchvision:{name}", input=tuple(x.shape), **options))
    assert totals.eager_peak == pytest.approx(live.most, rel=0.05)
    assert totals.inference_peak <= totals.eager_peak


class GroupedQuery(nn.Module):
    """Eight query heads of 16 on `heads` key heads, called as `attend` says."""

    def __init__(self, heads: int, attend: Any) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(128, 16 * n) for n in (8, heads, heads))
        self.o, self.attend = nn.Linear(128, 128), attend

    def forward(self, x):
        def split(y):
            return y.unflatten(-1, (-1, 16)).transpose(1, 2)

        y = self.attend(split(self.q(x)), split(self.k(x)), split(self.v(x)))
        return self.o(y.transpose(1, 2).flatten(2))


def flat_heads(q, k, v):
    out = attention(*(tensor.flatten(0, 1) for tensor in (q, k, v)))
    return out.unflatten(0, (-1, 8))


MAP = 256 * 128 * 4  # bytes of 256 tokens of 128 channels
ATTENTION = {
    "by name": (8, attention, 5 * MAP),
    "grouped query": (2, partial(attention, enable_gqa=True), 3 * MAP + 2 * MAP // 4),
    "heads in the batch": (8, flat_heads, 5 * MAP),
    "causal": (8, partial(attention, is_causal=True), 5 * MAP),
}


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_is_fused_however_it_is_called(name) -> None:
    """Kept: the input, queries, keys, values, the result, and one float a row (the logsumexp)."""
    if name == "heads in the batch" and torch.__version__ < "2.14":
        pytest.skip("an older torch has no kernel for it")
    heads, attend, maps = ATTENTION[name]
    net = GroupedQuery(heads, attend)
    totals = archlab.memory(archlab.load(net, input=(1, 256, 128))).totals
    assert totals.saved_for_backward == maps + 8 * 256 * 4
    with torch.no_grad(), Live(net) as live:
        net.eval()(torch.zeros(1, 256, 128))
    assert totals.eager_peak == live.most


def saved_by_autograd(net: nn.Module, x: torch.Tensor) -> int:
    """Bytes of the distinct storages that autograd packs, parameters and buffers left out."""
    known = {item.untyped_storage().data_ptr() for item in (*net.parameters(), *net.buffers())}
    kept: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            # Held, so that no address is used twice.
            kept[storage.data_ptr()] = (storage.nbytes(), tensor.detach())
        # An output that its own operator saves would hold the net in a circle of C++ references.
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        net.train()(x)
    return sum(size for size, _ in kept.values())


@pytest.mark.parametrize(
    ("name", "megabytes"), [("resnet18", 22.2), ("vit_b_16", 118), ("mobilenet_v3_small", None)]
)
def test_saved_for_backward_equals_saved_tensors_hooks(name, megabytes) -> None:
    with torch.device("meta"):
        net = getattr(torchvision.models, name)()
    net.to_empty(device="cpu")  # no byte is written, so the weights take no memory
    x = torch.randn(1, 3, 224, 224)
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        expected = saved_by_autograd(net, x)
    if megabytes is not None:
        assert expected / 1e6 == pytest.approx(megabytes, rel=0.005)
    ours = archlab.memory(f"torchvision:{name}").totals.saved_for_backward
    assert ours == pytest.approx(expected, rel=0.01)


NETS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8)), (4, 64)),
    "in place": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(inplace=True)),
        (2, 3, 16, 16),
    ),
    "frozen": (
        lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8)).requires_grad_(
            requires_grad=False
        ),
        (4, 64),
    ),
    "dropout and softmax": (
        lambda: nn.Sequential(nn.Linear(64, 64), nn.Dropout(0.5), nn.Softmax(-1)),
        (4, 64),
    ),
    "layer norm, gelu": (
        lambda: nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 4)),
        (4, 64),
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_small_nets_save_what_autograd_saves(name) -> None:
    make, shape = NETS[name]
    net, x = make(), torch.randn(shape)
    assert archlab.memory(
        archlab.load(net, input=shape)
    ).totals.saved_for_backward == saved_by_autograd(net, x)


def test_a_frozen_model_trains_for_free() -> None:
    net = NETS["frozen"][0]()
    totals = archlab.memory(archlab.load(net, input=(4, 64))).totals
    assert (totals.gradients, totals.optimizer_state, totals.saved_for_backward) == (0, 0, 0)
    assert totals.training == totals.parameters == 4 * (64 * 65 + 8 * 65)


def test_a_checkpointed_block_keeps_its_input_only() -> None:
    class Checkpointed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()]
            self.first, self.block = nn.Linear(64, 64), nn.Sequential(*layers)

        def forward(self, x):
            return torch.utils.checkpoint.checkpoint(self.block, self.first(x), use_reentrant=False)

    totals = archlab.memory(archlab.load(Checkpointed(), input=(4, 64))).totals
    # the input of `first`, for its weight's gradient, and the input of the block
    assert totals.saved_for_backward == 2 * 4 * 64 * 4


def test_half_precision_halves_the_bytes() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
    whole = archlab.memory(archlab.load(net, input="3x16x16")).totals
    half = archlab.memory(archlab.load(net.half(), input="3x16x16:float16")).totals
    assert whole.parameters == 2 * half.parameters
    assert whole.inference_peak == 2 * half.inference_peak


def test_batch_scales_the_activations() -> None:
    one, four = (archlab.memory(archlab.load("resnet20", batch=batch)).totals for batch in (1, 4))
    assert four.inference_peak == 4 * one.inference_peak
    assert four.parameters == one.parameters


def test_a_batch_that_cannot_be_trained_says_what_to_try() -> None:
    """The zoo's GoogLeNet for CIFAR pools an auxiliary map to 1×1 before a batch norm."""
    result = archlab.memory(archlab.load("googlenet", layout="cifar"))
    assert result.totals.training is None
    assert result.totals.inference_peak > 0
    assert "batch=2" in str(result)
    assert archlab.memory(archlab.load("googlenet", layout="cifar", batch=2)).totals.training > 0


def test_saved_storages_leave_parameters_out(train) -> None:
    x = train.input(1, 256)
    train.linear(x, 16, path="fc")
    train.saved = [(train.tensors[0].storage, "fc"), (train.tensors[1].storage, "fc")]
    assert list(saved_storages(train.graph())) == [(train.tensors[0].storage, KB)]


class Constant(nn.Module):
    """A matrix that is neither parameter nor buffer; autograd keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.matrix = nn.Linear(8, 8), torch.randn(8, 8)

    def forward(self, x):
        return self.linear(x) @ self.matrix


def test_constants_that_are_kept_for_backward_count() -> None:
    """Kept: the input of 1 × 8 for the linear layer's weight, and the matrix."""
    totals = archlab.memory(archlab.load(Constant(), input=(1, 8))).totals
    assert totals.saved_for_backward == 4 * (8 + 8 * 8)
