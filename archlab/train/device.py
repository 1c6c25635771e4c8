"""Every switch that depends on the device: where a run computes, and what only CUDA has.

The CUDA branches are tested on fake tensors, and by the tests of `tests/gpu`, which run where a GPU
is (`nox -s gpu`).
"""

from __future__ import annotations

import gc
import os
import platform
import random
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from archlab.runs.recipe import Recipe

# cuBLAS reads it once, at the first matrix product of a process; without it a deterministic run
# raises afterwards. What somebody has set stays.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

# NumPy's global stream, from which the code of a net may draw; ours never does.
_NUMPY: np.random.RandomState = np.random.mtrand._rand
# The random streams and the capture of graphs belong to the whole process: runs that share one in
# threads take turns.
ALONE = threading.RLock()
_found: list[tuple[bool, bool, bool, bool]] = []  # for each run under way, by the first


def has_cuda() -> bool:
    """Whether a CUDA device can be used."""
    return torch.cuda.is_available()


def is_cuda(where: torch.device) -> bool:
    """Whether that is a CUDA device."""
    return where.type == "cuda"


def place() -> torch.device:
    """Return the device that images and nets live on."""
    return torch.device("cuda" if has_cuda() else "cpu")


@contextmanager
def switches(recipe: Recipe) -> Iterator[None]:
    """Set torch's switches for a recipe, and put them back afterwards.

    They are the process's. Of runs that share one, in threads and with one recipe, the last to end
    puts back what the first has found.
    """
    cudnn = torch.backends.cudnn
    with ALONE:
        found = (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
            cudnn.benchmark,
            cudnn.deterministic,
        )
        _found.append(_found[0] if _found else found)
        if recipe.deterministic:
            torch.use_deterministic_algorithms(mode=True)
        # The benchmark picks kernels by time, so that two runs may differ.
        cudnn.benchmark = has_cuda() and not recipe.deterministic
    try:
        yield
    finally:
        with ALONE:
            strict, warns, *of_cudnn = _found.pop()
            if not _found:
                torch.use_deterministic_algorithms(strict, warn_only=warns)
                cudnn.benchmark, cudnn.deterministic = of_cudnn


def numerics(recipe: Recipe) -> str:
    """Return in words how numbers are computed now: precision, TF32, and what picks kernels."""
    parts: list[str] = [recipe.precision]
    if has_cuda():
        for what, kind in (
            ("convolutions", torch.backends.cudnn.conv),  # type: ignore[attr-defined]
            ("matrix products", torch.backends.cuda.matmul),
        ):
            if kind.fp32_precision == "tf32":
                parts.append(f"TF32 in {what}")
        parts += ["cuDNN picks kernels by time"] * torch.backends.cudnn.benchmark
    parts += ["deterministic"] * torch.are_deterministic_algorithms_enabled()
    return ", ".join(parts)


def autocast(recipe: Recipe, where: torch.device) -> AbstractContextManager[Any]:
    """Return the context of a forward in the recipe's precision."""
    if recipe.precision == "float32":
        return nullcontext()
    # A captured step must not hold weights in a cache that is cleared outside it.
    return torch.autocast(where.type, torch.bfloat16, cache_enabled=not is_cuda(where))


def channels_last(recipe: Recipe, where: torch.device) -> bool:
    """Whether images and weights lie channels last; on CUDA always."""
    return recipe.channels_last or is_cuda(where)


def slow_bfloat16() -> bool:
    """Whether runs are on a CPU that has no instructions for bfloat16, and is slower with it."""
    known = platform.machine() in ("x86_64", "AMD64")
    return known and not has_cuda() and not torch.cpu._is_avx512_bf16_supported()


def evaluated(where: torch.device) -> int:
    """Return the images of a batch without gradients: more where launches cost more than sums."""
    return 2000 if is_cuda(where) else 500


def placed(model: nn.Module, recipe: Recipe) -> nn.Module:
    """Return the model in the memory format of the recipe and of the device."""
    if channels_last(recipe, place()):
        return model.to(memory_format=torch.channels_last)
    return model


def optimizer(recipe: Recipe, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over parameter groups; fused on CUDA, and fit for capture."""
    groups = list(groups)
    on_cuda = any(is_cuda(weight.device) for group in groups for weight in group["params"])
    common: dict[str, Any] = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    # On the CPU the fused kernels round otherwise.
    if on_cuda:
        common["fused"] = True
    if recipe.optimizer == "sgd":
        momentum: dict[str, Any] = {"momentum": recipe.momentum, "nesterov": recipe.nesterov}
        return torch.optim.SGD(groups, **momentum, **common)
    kind = torch.optim.Adam if recipe.optimizer == "adam" else torch.optim.AdamW
    return kind(groups, capturable=on_cuda, **common)


@contextmanager
def own_stream() -> Iterator[None]:
    """Work on a CUDA stream of one's own, as a capture needs and runs side by side want."""
    if not has_cuda():
        yield
        return
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from the global streams of Python, NumPy and torch as a seed says, and put them back."""
    devices = [torch.cuda.current_device()] if has_cuda() else []
    with ExitStack() as kept:
        with ALONE:
            kept.callback(random.setstate, random.getstate())
            kept.callback(_NUMPY.set_state, _NUMPY.get_state(legacy=True))
            kept.enter_context(torch.random.fork_rng(devices=devices))
            random.seed(seed)
            _NUMPY.seed(seed % 2**32)
            torch.default_generator.manual_seed(seed)
            if devices:
                torch.cuda.manual_seed(seed)
        try:
            yield
        finally:
            with ALONE:
                kept.close()


def random_state() -> dict[str, Any]:
    """Return the states of the global random streams, from which dropout draws, as plain values."""
    numbers: Any = _NUMPY.get_state(legacy=True)
    state: dict[str, Any] = {
        "cpu": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in numbers),
    }
    if has_cuda():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: Mapping[str, Any]) -> None:
    """Put the global random streams back; older checkpoints have those of torch alone."""
    torch.set_rng_state(state["cpu"])
    if "python" in state:
        random.setstate(state["python"])
        _NUMPY.set_state(state["numpy"])
    if "cuda" in state and has_cuda():
        torch.cuda.set_rng_state(state["cuda"])


def cards() -> list[str]:
    """Return the CUDA devices that may be used, as CUDA_VISIBLE_DEVICES names them."""
    if not has_cuda():
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    count = torch.cuda.device_count()
    return named[:count] if named[0] else [str(number) for number in range(count)]


def free_memory() -> int:
    """Return the bytes of the GPU that are free, or held by this process."""
    return int(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved())


def release() -> None:
    """Give back the GPU's memory of a run that is over; Python's collector may come too late."""
    if has_cuda():
        gc.collect()
        with ALONE:
            torch.cuda.empty_cache()


def hardware() -> str:
    """Return the device's name and how many threads compute."""
    if has_cuda():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
