"""What real forward and backward passes say of a net: each number by a method of its own.

Known holes of torch's counter are filled by hand formulas. Recurrent layers run on torch's plain
path, which is what archlab traces.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from hypothesis import assume
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

aten = torch.ops.aten


def vector(a: Any, *_: Any, **__: Any) -> int:
    """FLOPs of a matrix, or a vector, times a vector."""
    return 2 * prod(a)


def added_vector(_: Any, a: Any, *__: Any, **___: Any) -> int:
    return 2 * prod(a)


def added_batch(_: Any, a: Any, b: Any, **__: Any) -> int:
    return 2 * prod(a) * b[-1]


def convolution_gradients(grad: Any, x: Any, weight: Any, *rest: Any, **__: Any) -> int:
    """FLOPs of a convolution's backward pass: the forward's, for each of input and weight.

    torch's own formula does not divide by the groups.
    """
    transposed, mask = rest[4], rest[7]
    pairs = prod(x) * prod(weight[1:]) if transposed else prod(grad) * prod(weight[1:])
    return 2 * pairs * sum(mask[:2])


def attention(q: Any, k: Any, v: Any, *_: Any, **__: Any) -> int:
    return 2 * prod(q[:-1]) * k[-2] * (q[-1] + v[-1])


def attention_gradients(_: Any, q: Any, k: Any, v: Any, *__: Any, **___: Any) -> int:
    """FLOPs of the gradients of both products; what the kernel computes again is left out."""
    return 2 * attention(q, k, v)


HOLES = {
    aten._scaled_dot_product_flash_attention_for_cpu: attention,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: attention_gradients,
    aten.mv: vector,
    aten.dot: vector,
    aten.vdot: vector,
    aten.addmv: added_vector,
    aten.addbmm: added_batch,
    aten.convolution_backward: convolution_gradients,
}


class Vectors(TorchDispatchMode):
    """Counts products with a vector, once for each operand that wants a gradient.

    The gradient of a matrix is then an outer product, and that of a vector a multiple of another:
    element-wise operators for torch, and as many multiplications as the product itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not torch.is_grad_enabled():
            return func(*args, **(kwargs or {}))
        if func in (aten.mv.default, aten.addmv.default):
            matrix = args[-2]
            self.macs += matrix.numel() * matrix.requires_grad
        if func in (aten.dot.default, aten.vdot.default):
            self.macs += sum(factor.numel() * factor.requires_grad for factor in args)
        return func(*args, **(kwargs or {}))


class Nowhere(contextlib.nullcontext):  # type: ignore[type-arg]
    """Stands for the counter's tracker of modules, which fails in a reentrant checkpoint."""

    parents = frozenset({"Global"})


def counter() -> FlopCounterMode:
    mode = FlopCounterMode(display=False, custom_mapping=HOLES)
    mode.mod_tracker = Nowhere()
    return mode


def texts(net: nn.Module) -> set[str]:
    """Return what the parts of a net are, as they print it."""
    return {getattr(member, "text", "") for member in net.modules()}


@contextlib.contextmanager
def plain(net: nn.Module) -> Iterator[None]:
    """Run the products of attention and of recurrent layers one by one."""
    # What a checkpointed part runs again ends with the last tensor that is saved, and a fused
    # kernel saves its output: there attention runs as archlab traces it.
    fused = [SDPBackend.FLASH_ATTENTION] if "checkpoint" in texts(net) else []
    with (
        sdpa_kernel([SDPBackend.MATH, *fused]),
        torch.backends.mkldnn.flags(enabled=False),
        _no_fast_path(),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _no_fast_path() -> Iterator[None]:
    torch.backends.mha.set_fastpath_enabled(value=False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(value=True)


def as_traced(net: nn.Module, x: torch.Tensor) -> tuple[nn.Module, torch.Tensor]:
    """Return a net whose recurrent layers run step by step, as off the CPU; others as they are.

    On the CPU torch multiplies the inputs of all steps at once, and keeps other tensors.
    """
    if any(isinstance(member, nn.RNNBase) for member in net.modules()):
        # Nothing casts on meta, and attention is not one operator there.
        assume("autocast" not in texts(net))
        assume(not any("attention" in text or "mha" in text for text in texts(net)))
        assume(not any(isinstance(member, nn.MultiheadAttention) for member in net.modules()))
        return copy.deepcopy(net).to("meta"), x.to("meta")
    return net, x


def allocates_otherwise(net: nn.Module) -> bool:
    """Whether torch's CPU kernels allocate other memory than torch says without values."""
    # This one writes into a buffer that is larger than its output.
    members = list(net.modules())
    if any(isinstance(member, nn.ConvTranspose3d) for member in members):
        return True
    # With one thread torch takes another kernel for these, which returns another layout.
    if any(isinstance(m, nn.Conv3d) and m.kernel_size[1:] == (1, 1) for m in members):
        return True
    # Where a forward casts, fake tensors stand for it, whose resized maps have another layout.
    return "autocast" in texts(net) and any("interpolate" in text for text in texts(net))


def outputs_of(net: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(net(x)) if isinstance(leaf, torch.Tensor)]


def macs(net: nn.Module, x: torch.Tensor) -> int:
    with plain(net), torch.no_grad(), counter() as counted:
        net.eval()(x)
    return counted.get_total_flops() // 2


def train_macs(net: nn.Module, x: torch.Tensor) -> tuple[int, int]:
    """Return the MACs of a forward pass in train mode, and of its backward pass."""
    vectors = Vectors()
    with plain(net), counter() as counted:
        with vectors:
            outputs = [y for y in outputs_of(net.train(), x) if y.requires_grad]
        forward = counted.get_total_flops() // 2
        if outputs:
            torch.autograd.backward(outputs, [torch.ones_like(y) for y in outputs])
    # Behind these a gradient that `Vectors` adds may not be asked for.
    assume(not vectors.macs or texts(net).isdisjoint({"embed(argmax)", "detach", "no_grad"}))
    for parameter in net.parameters():
        parameter.grad = None
    return forward, counted.get_total_flops() // 2 - forward + vectors.macs


def held(net: nn.Module) -> set[int]:
    return {t.untyped_storage()._cdata for t in (*net.parameters(), *net.buffers())}


def weight_bytes(net: nn.Module) -> int:
    storages = {p.untyped_storage()._cdata: p.untyped_storage() for p in net.parameters()}
    return sum(storage.nbytes() for storage in storages.values())


def saved_bytes(net: nn.Module, x: torch.Tensor) -> int:
    """Return the bytes of the storages that autograd keeps, those of the net left out."""
    net, x = as_traced(net, x)
    known, kept = held(net), {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    with _no_fast_path():
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            outputs = outputs_of(net.train(), x)
        size = sum(s.nbytes() for address, s in kept.items() if address not in known)
    del outputs
    return size


class Alive(TorchDispatchMode):
    """Sums the bytes of all storages that live at once, those of the net left out."""

    def __init__(self, known: set[int], x: torch.Tensor) -> None:
        super().__init__()
        self.known = known
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.note([x])
        self.peak = x.untyped_storage().nbytes()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.storages = {a: s for a, s in self.storages.items() if not s[0].expired()}
        out = func(*args, **(kwargs or {}))
        self.note([args, kwargs, out])
        self.peak = max(self.peak, sum(size for _, size in self.storages.values()))
        return out

    def note(self, values: Any) -> None:
        for leaf in tree_leaves(values):
            if isinstance(leaf, torch.Tensor):
                storage = leaf.untyped_storage()
                if storage._cdata not in self.known:
                    self.storages[storage._cdata] = StorageWeakRef(storage), storage.nbytes()


def live_peak(net: nn.Module, x: torch.Tensor) -> int:
    net, x = as_traced(net.eval(), x)
    with (
        _no_fast_path(),
        torch.no_grad(),
        Alive(held(net), x) as alive,
    ):
        net(x)
    return alive.peak


def shown(net: nn.Module, x: torch.Tensor) -> list[tuple[str, str]]:
    """Return what comes out of every call of a module, as a table shows it."""
    seen: list[tuple[str, str]] = []

    def note(name: str, out: Any) -> None:
        leaves = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        shapes = ["x".join(map(str, leaf.shape)) or "scalar" for leaf in leaves]
        more = f", +{len(shapes) - 3}" if len(shapes) > 3 else ""
        seen.append((name, ", ".join(shapes[:3]) + more))

    handles = [
        member.register_forward_hook(lambda _, __, out, name=name: note(name, out))
        for name, member in net.eval().named_modules()
    ]
    with _no_fast_path(), torch.no_grad():
        net(x)
    for handle in handles:
        handle.remove()
    return seen


def state(net: nn.Module) -> list[Any]:
    """Return everything of a net that a question must leave as it was."""
    return [
        [(name, t.clone(), t.untyped_storage()._cdata) for name, t in net.state_dict().items()],
        [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for m in net.modules()],
        [(p.requires_grad, p.grad, p._backward_hooks) for p in net.parameters()],
        torch.get_rng_state(),
    ]
