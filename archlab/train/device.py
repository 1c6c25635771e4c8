"""Every switch that depends on the device: where a run computes, and what only CUDA has.

The CUDA branches are tested by tests marked `gpu`, which run where a GPU is. No time measured on a
GPU is claimed anywhere: none was at hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from archlab.runs.recipe import Recipe


def has_cuda() -> bool:
    """Whether a CUDA device can be used."""
    return torch.cuda.is_available()


def place() -> torch.device:
    """Return the device that images and nets live on."""
    return torch.device("cuda" if has_cuda() else "cpu")


def trainer_settings(recipe: Recipe) -> dict[str, Any]:
    """Return the Trainer arguments that depend on device and precision."""
    return {
        "accelerator": "gpu" if has_cuda() else "cpu",
        "devices": 1,
        "precision": "bf16-mixed" if recipe.precision == "bfloat16" else "32-true",
        # None leaves torch's own setting alone; on the CPU convolutions are deterministic anyway.
        # cuDNN's benchmark picks its kernels by time, so that two runs may differ.
        "deterministic": True if recipe.deterministic else None,
        "benchmark": has_cuda() and not recipe.deterministic,
    }


def placed(model: nn.Module, recipe: Recipe) -> nn.Module:
    """Return the model in the recipe's memory format; on CUDA always channels last."""
    if recipe.channels_last or has_cuda():
        return model.to(memory_format=torch.channels_last)
    return model


def captured(model: nn.Module) -> nn.Module:
    """Return the model with its steps captured as CUDA graphs; on the CPU the model itself."""
    # These nets are bound by kernel launches on a GPU; on a CPU compiling was not worth its time.
    # `compile` changes the model in place, so that the names of the weights stay.
    if has_cuda():
        model.compile(mode="reduce-overhead")
    return model


def optimizer(recipe: Recipe, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return the recipe's optimizer over parameter groups; fused on CUDA."""
    common: dict[str, Any] = {"lr": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    # On the CPU the fused kernels round otherwise.
    if has_cuda():
        common["fused"] = True
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, **common)
    return torch.optim.SGD(groups, momentum=recipe.momentum, **common)


def random_state() -> dict[str, torch.Tensor]:
    """Return the states of torch's global random streams (dropout draws from them)."""
    state = {"cpu": torch.get_rng_state()}
    if has_cuda():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, torch.Tensor]) -> None:
    """Put the global random streams back."""
    torch.set_rng_state(state["cpu"])
    if "cuda" in state and has_cuda():
        torch.cuda.set_rng_state(state["cuda"])


def hardware() -> str:
    """Return the device's name and how many threads compute."""
    if has_cuda():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
