"""A context in which a live module may be run: mode, buffers and random states come back.

Gradients and hooks are no subject here: probes take gradients with `torch.autograd.grad`, which
leaves `.grad` alone, and remove their own hooks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from archlab.errors import ProbeError
from archlab.probe.running import as_written
from archlab.tracer.isolate import is_lazy
from archlab.tracer.settings import same_random, set_mode


def check_weights(module: nn.Module) -> None:
    """Raise a ProbeError where a lazy module has no weights."""
    if has_lazy(module):
        raise ProbeError(
            f"{type(module).__name__} has lazy modules without weights. A forward gives weights to "
            "those that run: run one before, and leave out modules that never run."
        )


def has_lazy(module: nn.Module) -> bool:
    """Whether a parameter or buffer waits for a forward to give it a shape."""
    return any(map(is_lazy, (*module.parameters(), *module.buffers())))


@contextlib.contextmanager
def untouched(module: nn.Module, mode: str | None = None) -> Iterator[None]:
    """Set the mode ("train", "eval", or None to keep it), and put everything back at the end.

    Raises:
        ProbeError: a lazy module has no weights yet.
    """
    check_weights(module)
    modes = [(m, m.training) for m in module.modules() if hasattr(m, "training")]
    # Batch norm's statistics move in every forward in train mode. They get their values back in
    # place, because another module may hold the same tensors.
    buffers = [
        (member, name, buffer, buffer.detach().clone())
        for member in module.modules()
        for name, buffer in member._buffers.items()
        if buffer is not None
    ]
    try:
        with _same_random_everywhere(), as_written(), torch.inference_mode(mode=False):
            if mode is not None:
                set_mode(module, train=mode == "train")
            yield
    finally:
        for member, training in modes:
            member.training = training
        with torch.no_grad():
            for member, name, buffer, values in buffers:
                # Sparse tensors cannot be compared, and no layer writes into one.
                if buffer.layout == torch.strided and not torch.equal(buffer, values):
                    buffer.resize_(values.shape).copy_(values)
                # A forward may have put another tensor there.
                member._buffers[name] = buffer


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Seed the random numbers inside (initial values, dropout), and restore their states after."""
    with _same_random_everywhere():
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def _same_random_everywhere() -> Iterator[None]:
    """Put back the random states of the CPU and of every CUDA device in use."""
    # Asking CUDA for states would start it, which takes seconds and hundreds of megabytes.
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    states = torch.cuda.get_rng_state_all() if started else []
    try:
        with same_random():
            yield
    finally:
        if states:
            torch.cuda.set_rng_state_all(states)
