"""The global settings of a trace, as contexts that put everything back at the end."""

from __future__ import annotations

import contextlib
import gc
import operator
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from archlab.tracer.alone import alone, same_thread
from archlab.tracer.attention import fused_attention


@contextlib.contextmanager
def settings(module: nn.Module, mode: str, *, grad: bool | None = None) -> Iterator[None]:
    """Set mode, autograd and kernels for one forward; restore them and all random states."""
    with alone(), _set(module, mode, grad=grad):
        yield


@contextlib.contextmanager
def _set(module: nn.Module, mode: str, *, grad: bool | None) -> Iterator[None]:
    members = list(module.modules())
    train = mode == "train"
    flags = [getattr(member, "training", train) for member in members]
    # nn.Module sets an attribute slowly, so nothing is set where no flag differs, unless a net has
    # a `train` of its own, which may keep its norms frozen.
    kinds: set[type[nn.Module]] = set(map(type, members))
    overridden = any(kind.train is not nn.Module.train for kind in kinds)
    changed = overridden or flags != [train] * len(flags)
    if changed:
        set_mode(module, train=train)
    try:
        with (
            _no_fast_path(),
            no_collection(),
            deep_recursion(),
            eager(),
            same_random(),
            _seeded(),
            torch.set_grad_enabled(train if grad is None else grad),
            fused_attention(),
        ):
            yield
    finally:
        for member, training in zip(members, flags, strict=True) if changed else ():
            if hasattr(member, "training"):  # a frozen script has none
                member.training = training


@contextlib.contextmanager
def _no_fast_path() -> Iterator[None]:
    """Let nn.TransformerEncoderLayer run its products; its fast path is one operator."""
    attention: Any = torch.backends.mha
    original, here = attention.get_fastpath_enabled, same_thread()
    # Not by torch's own switch, which other threads would notice.
    attention.get_fastpath_enabled = lambda: original() and not here()
    try:
        yield
    finally:
        attention.get_fastpath_enabled = original


def set_mode(module: nn.Module, *, train: bool) -> None:
    """Set the mode of a module as its own `train` does, where all that is inside lets it."""
    try:
        module.train(train)
    # What torch.export has written refuses, and a frozen script has no mode.
    except (AttributeError, NotImplementedError, RuntimeError):
        for member in module.modules():
            if hasattr(member, "training"):
                member.training = train


@contextlib.contextmanager
def replaced(owner: type, attributes: Mapping[str, Any]) -> Iterator[None]:
    """Give a class other attributes while the context lasts, also inside of another such one."""
    own = {name: vars(owner)[name] for name in attributes if name in vars(owner)}
    for name, value in attributes.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name in attributes:
            if name in own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)  # it was inherited


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """Let a forward that draws numbers draw the same ones every time."""
    torch.default_generator.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  the global state, which a forward may use
    yield


def python_draws() -> tuple[Any, ...]:
    """Return where the random numbers of Python and NumPy are, which no operator shows."""
    state: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    return random.getstate(), state["state"]["key"].tobytes(), state["state"]["pos"]


@contextlib.contextmanager
def same_attributes(module: nn.Module) -> Iterator[None]:
    """Put back what a forward keeps in its modules, so that the next one begins without it."""
    kept = [_attributes(member) for member in module.modules()]
    try:
        yield
    finally:
        for holder, before in (pair for pairs in kept for pair in pairs):
            same = holder.keys() == before.keys()
            if not same or not all(map(operator.is_, holder.values(), before.values())):
                holder.clear()
                holder.update(before)


_HELD = frozenset({"_buffers", "_modules", "_parameters"})


def _attributes(member: nn.Module) -> list[tuple[dict[Any, Any], dict[Any, Any]]]:
    """Return a module's attributes, its buffers and its own dictionaries, each with a copy."""
    own = vars(member)
    if type(member).__module__.startswith("torch.nn."):
        # Most modules are torch's own, which have no dictionaries but these.
        held = [own["_buffers"], own["_modules"], own["_parameters"]]
        holders = [own, *(holder for holder in held if holder and type(holder) is dict)]
        return [(holder, dict(holder)) for holder in holders]
    # What else begins with an underscore is torch's own: hooks, parameters, children.
    dictionaries = [
        value
        for name, value in own.items()
        if type(value) is dict and (name in _HELD or name[:1] != "_")
    ]
    holders = [own, *dictionaries]
    return [(holder, dict(holder)) for holder in holders]


class AutocastError(RuntimeError):
    """The forward casts automatically, which torch does not do on the meta device."""


@contextlib.contextmanager
def refused_autocast() -> Iterator[None]:
    """Raise AutocastError where a forward begins to cast automatically, or does already."""
    original: Any = torch.set_autocast_enabled
    torch_functions: Any = torch

    here = same_thread()

    def refuse(device: str, enabled: bool) -> None:  # noqa: FBT001  torch's own signature
        if enabled and here():
            raise AutocastError("autocast does nothing on the meta device")
        original(device, enabled)

    if any(map(torch.is_autocast_enabled, ("cpu", "cuda"))):
        raise AutocastError("autocast does nothing on the meta device")
    # `torch.autocast` calls it, and no operator shows afterwards that something is cast.
    torch_functions.set_autocast_enabled = refuse
    try:
        yield
    finally:
        torch_functions.set_autocast_enabled = original


@contextlib.contextmanager
def deep_recursion() -> Iterator[None]:
    """Allow more frames than Python does by itself."""
    # Hooks double the frames that a call of a module takes: what nests as deep as plain torch
    # allows must nest here, too.
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(4 * limit)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


@contextlib.contextmanager
def eager() -> Iterator[None]:
    """Let compiled functions run as they were written."""
    # Else Dynamo would compile the recorder. It is not imported for nets that compile nothing.
    compiling = "torch._dynamo" in sys.modules
    with torch.compiler.set_stance("force_eager") if compiling else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def same_random() -> Iterator[None]:
    """Put the random states of torch, Python and NumPy back at the end."""
    with alone():
        states = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
        try:
            yield
        finally:
            torch.set_rng_state(states[0])
            random.setstate(states[1])
            np.random.set_state(states[2])  # noqa: NPY002  the global state, as forwards use it


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Pause the garbage collector: its walk over all of torch's objects can outlast a trace."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
