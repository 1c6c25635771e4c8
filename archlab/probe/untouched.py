"""A live module, measured and left as it was: mode, buffers, random states.

Gradients and hooks need no care here: probes take gradients with `torch.autograd.grad`, which
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
    """Set the mode ("train", "eval", or None for as it is), and put everything back at the end.

    Batch norm's statistics move in every forward in train mode: all buffers get their values back,
    in place, and so do the random states of the CPU and of every CUDA device in use.
    """
    modes = [(member, member.training) for member in module.modules()]
    buffers = [
        (member, name, held, held.detach().clone())
        for member in module.modules()
        for name, held in member._buffers.items()
        if held is not None
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
            for member, name, held, values in buffers:
                if not torch.equal(held, values):
                    held.copy_(values)
                member._buffers[name] = held


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Draw from `seed` inside (initial values, dropout); the random states come back after."""
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
