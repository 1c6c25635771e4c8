"""Whatever is asked of a model, the model and torch's global state are as they were."""

import gc
import random
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrizations

import archlab
from archlab.tracer.isolate import is_compiled, on_meta, unwrap, with_values
from archlab.tracer.recorder import Recorder

VERBS: dict[str, Callable[[archlab.Model], object]] = {
    "trace eval": archlab.trace,
    "trace train": lambda model: archlab.trace(model, mode="train"),
    "params": archlab.params,
    "flops": lambda model: archlab.flops(model, mode="train"),
    "memory": archlab.memory,
    "shapes": archlab.shapes,
    "summary": archlab.summary,
    "bottlenecks": archlab.bottlenecks,
    "compare": lambda model: archlab.compare(model, model),
    "compare_modes": archlab.compare_modes,
    "check": lambda model: archlab.check(model, params=1, training=1),
    "against": archlab.against,
}


def load(net: nn.Module) -> archlab.Model:
    return archlab.load(net, input=(2, 3, 8, 8))


class Busy(nn.Module):
    """A forward that changes whatever a forward can change."""

    def __init__(self, *, needs_values: bool = False, breaks: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.frozen = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.head = parametrizations.weight_norm(nn.Linear(8, 4))
        self.recurrent = nn.LSTM(4, 4)
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("scratch", torch.zeros(8), persistent=False)
        self.cache: torch.Tensor | None = None
        self.history: list[torch.Tensor] = []
        self.table: dict[str, Any] = {"count": 0, "kept": torch.ones(3)}
        self.calls = 0
        self.needs_values, self.breaks = needs_values, breaks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.seen += 1
        x = self.frozen(self.norm(self.conv(x))).relu_()
        self.cache = x
        self.history.append(x)
        self.table["count"] += 1
        self.extra = x.mean()
        with torch.no_grad():
            self.conv.weight.mul_(0.5)
            self.scratch.add_(1)
        random.random()
        np.random.rand()  # noqa: NPY002  the global state is what a forward may touch
        torch.rand(2)
        x = self.drop(x.mean((2, 3)))
        if self.needs_values and float(x.detach().sum()) > 1e9:
            return x
        if self.breaks:
            raise RuntimeError("broken on purpose")
        return self.recurrent(self.head(x)[None])[0]  # type: ignore[no-any-return]


def busy(**options: bool) -> Busy:
    torch.manual_seed(0)
    net = Busy(**options)
    net.train()
    net.frozen.eval()  # as in fine-tuning: one member in another mode
    net.frozen.requires_grad_(requires_grad=False)
    net.conv.weight.grad = torch.ones_like(net.conv.weight)
    net.conv.register_forward_hook(lambda *_: None)
    net.norm.register_forward_pre_hook(lambda *_: None)
    net.conv.weight.register_hook(lambda grad: grad)
    return net


def snapshot(net: nn.Module) -> dict[str, Any]:
    """Everything of a module, as values that can be compared."""
    tensors = {**dict(net.named_parameters()), **dict(net.named_buffers())}
    return {
        "values": {name: tensor.detach().clone() for name, tensor in tensors.items()},
        "state keys": list(net.state_dict()),
        "identity": {name: (id(tensor), tensor._version) for name, tensor in tensors.items()},
        "grads": {
            name: None if tensor.grad is None else tensor.grad.clone()
            for name, tensor in tensors.items()
        },
        "needs": {
            name: (tensor.requires_grad, tensor.device, tensor.dtype, tensor.stride())
            for name, tensor in tensors.items()
        },
        "training": {name: member.training for name, member in net.named_modules()},
        "types": {name: type(member) for name, member in net.named_modules()},
        "attributes": {
            name: {key: plain(value) for key, value in vars(member).items()}
            for name, member in net.named_modules()
        },
    }


def plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return (id(value), value._version)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    return id(value) if isinstance(value, nn.Module) or callable(value) else repr(value)


def global_state() -> dict[str, Any]:
    hooks = [
        len(getattr(torch_module, name))
        for name in dir(torch_module)
        if name.startswith("_global_") and name.endswith(("_hooks", "_always_called"))
    ]
    assert len(hooks) >= 4
    return {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": [str(item) for item in np.random.get_state()],  # noqa: NPY002
        "numpy position": np.random.get_state()[2],  # noqa: NPY002
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "attention": F.scaled_dot_product_attention,
        "fast path": torch.backends.mha.get_fastpath_enabled(),
        "collector": gc.isenabled(),
        "hooks": hooks,
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device(),
        "modes": torch.utils._python_dispatch._len_torch_dispatch_stack(),
        "anomaly": torch.is_anomaly_enabled(),
    }


def same(value: Any, expected: Any) -> bool:
    if isinstance(expected, torch.Tensor):
        return isinstance(value, torch.Tensor) and torch.equal(value, expected)
    if isinstance(expected, dict):
        return value.keys() == expected.keys() and all(
            same(value[key], part) for key, part in expected.items()
        )
    return bool(value == expected)


def assert_untouched(net: nn.Module, act: Callable[[], object]) -> None:
    before, around = snapshot(net), global_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fvcore's own
        act()
    after, outside = snapshot(net), global_state()
    assert [key for key in before if not same(after[key], before[key])] == []
    assert [key for key in around if not same(outside[key], around[key])] == []


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("needs_values", [False, True], ids=["meta", "values"])
def test_a_verb_leaves_the_model_alone(verb: str, needs_values: bool) -> None:  # noqa: FBT001
    net = busy(needs_values=needs_values)
    assert_untouched(net, lambda: VERBS[verb](load(net)))


@pytest.mark.parametrize("verb", ["trace eval", "trace train", "params", "against"])
@pytest.mark.parametrize("needs_values", [False, True], ids=["meta", "values"])
def test_so_does_a_forward_that_raises(verb: str, needs_values: bool) -> None:  # noqa: FBT001
    net = busy(breaks=True, needs_values=needs_values)

    def act() -> None:
        with pytest.raises(archlab.ArchlabError, match="broken on purpose"):
            VERBS[verb](load(net))

    assert_untouched(net, act)


@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("collect", [True, False])
def test_the_callers_settings_are_kept(grad: bool, collect: bool) -> None:  # noqa: FBT001
    net = busy()
    enabled = gc.isenabled()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(value=False)
    (gc.enable if collect else gc.disable)()
    try:
        with torch.set_grad_enabled(grad):
            assert_untouched(net, lambda: archlab.memory(load(net)))
    finally:
        (gc.enable if enabled else gc.disable)()
        torch.backends.mha.set_fastpath_enabled(value=fast)


def test_inputs_that_are_tensors_are_kept() -> None:
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2))
    x = torch.randn(4, 3, requires_grad=False)
    before, version = x.clone(), x._version
    archlab.trace(archlab.load(net, input=x))
    archlab.memory(archlab.load(net, input=x))
    assert torch.equal(x, before)
    assert x._version == version


def test_a_model_built_from_a_spec_draws_no_random_numbers() -> None:
    before = global_state()
    archlab.params("googlenet")
    archlab.memory(archlab.load("resnet20", batch=2))
    after = global_state()
    assert [key for key in before if not same(after[key], before[key])] == []


class Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 4)
        self.lock = threading.Lock()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with self.lock:
            return self.layer(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize("verb", [archlab.trace, archlab.params, archlab.memory, archlab.against])
def test_a_module_that_cannot_be_copied_is_refused_in_words(verb: Callable[..., object]) -> None:
    net = Locked()

    def act() -> None:
        with pytest.raises(archlab.ArchlabError, match=r"Locked.*lock.*Give a spec"):
            verb(archlab.load(net, input=(1, 3)))

    assert_untouched(net, act)


def test_modules_that_share_members_share_them_in_the_copy() -> None:
    net = busy()
    net.twin = net.conv
    shared = [torch.ones(2)]
    net.first, net.second = shared, shared
    graph = archlab.trace(load(net))
    assert graph.params[0].aliases == ("twin.weight",)
    assert net.first is net.second is shared


def test_a_train_mode_trace_leaves_nothing_in_memory() -> None:
    """ReLU saves its own output: kept as it is, it would hold operator, recorder and model."""

    def recorders() -> list[Any]:
        gc.collect()
        return [item for item in gc.get_objects() if type(item) is Recorder]

    before = len(recorders())
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Softmax(1))
    assert archlab.trace(load(net), mode="train").saved
    assert len(recorders()) == before


@pytest.mark.parametrize("copy", [on_meta, with_values])
def test_copies_share_the_memory_that_was_shared(copy: Callable[[nn.Module], nn.Module]) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 2, bias=False))
    net[1].weight.data = net[0].weight.data.t()
    net[2].weight.data = net[0].weight.data[:2]
    clone: Any = copy(net)
    assert len({part.weight.untyped_storage()._cdata for part in clone}) == 1
    assert clone[0].weight.untyped_storage()._cdata != net[0].weight.untyped_storage()._cdata
    for mine, theirs in zip(clone.parameters(), net.parameters(), strict=True):
        assert (mine.shape, mine.stride(), mine.dtype) == (
            theirs.shape, theirs.stride(), theirs.dtype,
        )  # fmt: skip
        assert mine.is_meta or torch.equal(mine, theirs)


class CompiledParts(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.compile(nn.Conv2d(3, 8, 3))
        self.head = nn.Linear(8, 4)
        self.head.compile()

    @torch.compile
    def pooled(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pooled(self.conv(x)))  # type: ignore[no-any-return]


def test_what_is_compiled_is_traced_as_it_was_written() -> None:
    """Nothing is compiled: Dynamo would trace the recorder."""
    net: Any = torch.compile(CompiledParts())
    compiled = torch._dynamo.utils.counters["frames"]["total"]
    result = archlab.flops(load(net))
    assert result.macs == 2 * (36 * 8 * 27 + 8 * 4)
    assert [row.path for row in result.rows] == ["", "conv", "head"]
    assert result.rows[0].type == "CompiledParts"
    assert torch._dynamo.utils.counters["frames"]["total"] == compiled
    assert is_compiled(net)
    plain = unwrap(net)
    assert plain is net._orig_mod
    assert not any(map(is_compiled, plain.modules()))


class Keeps(nn.Module):
    """Puts its output into a cache, or adds what another layer has put there."""

    def __init__(self, cache: dict[str, torch.Tensor], *, first: bool) -> None:
        super().__init__()
        self.linear, self.cache, self.first = nn.Linear(4, 4), cache, first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.first:
            self.cache["seen"] = self.linear(x)
        return x + self.cache["seen"]


@pytest.mark.parametrize("cache", [{}, {"other": 1}], ids=["empty", "in use"])
def test_layers_that_share_a_cache_share_it_in_the_copy(cache: dict[str, torch.Tensor]) -> None:
    before = dict(cache)
    model = archlab.load(
        nn.Sequential(Keeps(cache, first=True), Keeps(cache, first=False)), input=(1, 4)
    )
    assert archlab.flops(model).macs == archlab.flops(model, mode="train").macs == 4 * 4
    assert cache == before


class Child(nn.Module):
    """A child that knows its parent, as a child of its own."""

    def __init__(self, parent: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.parent = parent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) * self.parent.scale


class Parent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
        self.child = Child(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.child(x).mean((2, 3))


@pytest.mark.parametrize("make", [on_meta, with_values, unwrap])
def test_a_child_that_knows_its_parent(make) -> None:
    net = Parent()
    copy = make(net if make is not unwrap else Parent())
    assert copy.child.parent is copy
    copy.train().eval().to(torch.float64)  # each would go round for ever
    assert set(copy.state_dict()) == {"scale", "child.layer.weight", "child.layer.bias"}
    assert net.child._modules["parent"] is net  # the user's own is as it was


def test_every_verb_takes_a_circle_of_modules() -> None:
    net = Parent()
    assert archlab.params(load(net)).totals.params == 1 + 3 * 4 * 9 + 4
    assert archlab.flops(load(net), mode="train").totals.macs == 2 * 6 * 6 * 4 * 27
    assert archlab.gradients(load(net), seeds=1).totals
    assert archlab.render_backward(load(net)).data("dot")
