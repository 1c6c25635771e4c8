"""Loads weights from a checkpoint into a module, with errors that say what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from archlab.errors import SpecError
from archlab.resolve.saved import SavedError, read_saved

# What Lightning modules, nn.DataParallel ("module.") and torch.compile put before every name.
_PREFIXES = ("model.", "net.", "module.", "_orig_mod.")


def load_weights(module: nn.Module, checkpoint: str | Path) -> None:
    """Load a state dict (alone, or under "state_dict" or "model") into a module, strictly.

    Raises:
        SpecError: the file is missing, is no checkpoint, or belongs to another model.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise SpecError(f"There is no checkpoint {checkpoint}.")
    try:
        state = read_saved(path)
    except SavedError as error:
        raise SpecError(f"{checkpoint} is no checkpoint of weights: {error}.") from error
    for key in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if isinstance(state, dict):
        state = _without_prefix(state, module.state_dict())
        _check_keys(checkpoint, state, module.state_dict())
    try:
        module.load_state_dict(state, strict=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise SpecError(
            f"{checkpoint} belongs to another model: {' '.join(lines[1:3]) or lines[0]}"[:400]
        ) from error


def _without_prefix(saved: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the saved state without a prefix that a trainer put before every name."""
    for prefix in _PREFIXES:
        # What has no prefix is the trainer's own then: its counters, its metrics.
        inside = {key: value for key, value in saved.items() if str(key).startswith(prefix)}
        if own and set(own) <= {key.removeprefix(prefix) for key in inside}:
            return {key.removeprefix(prefix): value for key, value in inside.items()}
        if saved and all(isinstance(key, str) and key.startswith(prefix) for key in saved):
            shorter = {key.removeprefix(prefix): value for key, value in saved.items()}
            if set(shorter) & set(own):
                return shorter
    return saved


def _check_keys(checkpoint: str | Path, saved: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise where names or shapes differ; the message counts each kind and names the first keys."""
    # Said here and not by torch, whose message lists every key of a large model on one line.
    in_file = {key: tuple(getattr(value, "shape", ())) for key, value in saved.items()}
    in_model = {key: tuple(getattr(value, "shape", ())) for key, value in own.items()}
    kinds = {
        "missing from the file": [key for key in in_model if key not in in_file],
        "not in the model": [str(key) for key in in_file if key not in in_model],
        "of another shape": [
            f"{key} ({'x'.join(map(str, in_file[key]))} for {'x'.join(map(str, in_model[key]))})"
            for key in in_model
            if key in in_file and in_file[key] != in_model[key]
        ],
    }
    misfits = [
        f"{len(keys)} {words}: {', '.join(keys[:3])}{' …' if len(keys) > 3 else ''}"
        for words, keys in kinds.items()
        if keys
    ]
    if misfits:
        raise SpecError(f"{checkpoint} belongs to another model. Keys {'; '.join(misfits)}.")
