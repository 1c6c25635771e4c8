"""Weights from a checkpoint into a module, with errors that say what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from archlab.errors import SpecError

_PREFIXES = ("model.", "net.", "module.", "_orig_mod.")


def load_weights(module: nn.Module, checkpoint: str | Path) -> None:
    """Load a state dict (alone, or under "state_dict" or "model") into a module, strictly.

    Raises:
        SpecError: the file is missing, is no checkpoint, or belongs to another model.
    """
    place = Path(checkpoint)
    if not place.is_file():
        raise SpecError(f"There is no checkpoint {checkpoint}.")
    try:
        found = torch.load(place, map_location="cpu", weights_only=True)
    except Exception as error:
        raise SpecError(f"{checkpoint} is no checkpoint of weights: {error}") from error
    for key in ("state_dict", "model"):
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if isinstance(found, dict):
        found = _without_prefix(found, module.state_dict())
        _check_keys(checkpoint, found, module.state_dict())
    try:
        module.load_state_dict(found, strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SpecError(
            f"{checkpoint} belongs to another model: {' '.join(lines[1:3]) or lines[0]}"[:400]
        ) from error


def _without_prefix(found: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what trainers put before every name: `model.`, `net.`, `module.`."""
    for prefix in _PREFIXES:
        if found and all(isinstance(key, str) and key.startswith(prefix) for key in found):
            shorter = {key.removeprefix(prefix): value for key, value in found.items()}
            if set(shorter) & set(wanted):
                return shorter
    return found


def _check_keys(
    checkpoint: str | Path, found: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Raise where names or shapes differ, with the first of each kind and how many."""
    shapes = {key: tuple(getattr(value, "shape", ())) for key, value in found.items()}
    here = {key: tuple(getattr(value, "shape", ())) for key, value in wanted.items()}
    other = [
        f"{key} ({'x'.join(map(str, shapes[key]))} for {'x'.join(map(str, here[key]))})"
        for key in here
        if key in shapes and shapes[key] != here[key]
    ]
    kinds = {
        "missing from the file": [key for key in here if key not in shapes],
        "not in the model": [str(key) for key in shapes if key not in here],
        "of another shape": other,
    }
    said = [
        f"{len(keys)} {words}: {', '.join(keys[:3])}{' …' if len(keys) > 3 else ''}"
        for words, keys in kinds.items()
        if keys
    ]
    if said:
        raise SpecError(f"{checkpoint} belongs to another model. Keys {'; '.join(said)}.")
