"""A context in which a live module may be run: mode, buffers and random states come back.

Gradients and hooks are no subject here: probes take gradients with `torch.autograd.grad`, which
leaves `.grad` alone, and remove their own hooks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from archlab.tracer.settings import same_random


@contextlib.contextmanager
def untouched(module: nn.Module, mode: str | None = None) -> Iterator[None]:
    """Set the mode ("train", "eval", or None to keep it), and put everything back at the end.

    Batch norm's statistics move in every forward in train mode: all buffers get their values back,
    in place, and so do the random states of the CPU and of every CUDA device in use.
    """
    modes = [(member, member.training) for member in module.modules()]
    buffers = [
        (member, name, buffer, buffer.detach().clone())
        for member in module.modules()
        for name, buffer in member._buffers.items()
        if buffer is not None
    ]
    try:
        with same_random(), _same_cuda_random():
            if mode is not None:
                module.train(mode == "train")
            yield
    finally:
        for member, training in modes:
            member.training = training
        with torch.no_grad():
            for member, name, buffer, values in buffers:
                if not torch.equal(buffer, values):
                    buffer.copy_(values)
                member._buffers[name] = buffer  # a forward may have put another tensor there


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Seed the random numbers inside (initial values, dropout), and restore their states after."""
    with same_random(), _same_cuda_random():
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def _same_cuda_random() -> Iterator[None]:
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    states = torch.cuda.get_rng_state_all() if started else []
    try:
        yield
    finally:
        if states:
            torch.cuda.set_rng_state_all(states)
