"""Images from a folder and weights from a checkpoint, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archlab.errors import SpecError

_PREFIXES = ("model.", "net.", "module.", "_orig_mod.")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif"})


def folder_images(folder: str | Path, shape: Sequence[int], count: int) -> torch.Tensor:
    """Return up to `count` images of a folder (searched below it) as (N, C, H, W), about zero mean.

    Raises:
        SpecError: no such folder, no images in it, or one that cannot be read.
    """
    from PIL import Image, UnidentifiedImageError  # here: only where images are read

    place = Path(folder)
    if not place.is_dir():
        raise SpecError(f"There is no folder {folder} with images.")
    files = sorted(path for path in place.rglob("*") if path.suffix.lower() in SUFFIXES)[:count]
    if not files:
        raise SpecError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))}).")
    channels, height, width = shape
    arrays = []
    for file in files:
        try:
            with Image.open(file) as picture:
                kind = "L" if channels == 1 else "RGB"
                small = picture.convert(kind).resize((width, height))
                arrays.append(np.asarray(small, dtype=np.float32).reshape(height, width, -1))
        except (OSError, UnidentifiedImageError) as error:
            raise SpecError(f"{file} cannot be read as an image: {error}") from error
    return fitted(torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2), shape)


def fitted(pixels: torch.Tensor, shape: Sequence[int]) -> torch.Tensor:
    """Return pixels (N, C, H, W) from 0 to 255 as images of a shape, about zero mean.

    Grey images are repeated, colours averaged, and other sizes resized.

    Raises:
        SpecError: the channels can be neither.

    Example:
        >>> fitted(torch.full((1, 1, 16, 16), 127.5), (3, 32, 32)).abs().max()
        tensor(0.)
    """
    channels, height, width = shape
    batch = pixels.float()
    if channels == 1:
        batch = batch.mean(1, keepdim=True)
    if batch.shape[1] not in (1, channels):
        raise SpecError(f"The model takes {channels} channels; images have 1 or 3.")
    batch = batch.expand(-1, channels, -1, -1)
    if batch.shape[2:] != (height, width):
        batch = nn.functional.interpolate(
            batch, (height, width), mode="bilinear", antialias=True, align_corners=False
        )
    return (batch / 255 - 0.5) / 0.25


def first_image(folder: str | Path, height: int, width: int) -> NDArray[np.float64]:
    """Return the first image of a folder as (height, width, 3), 0 … 1, to draw on.

    Raises:
        SpecError: as in `folder_images`.
    """
    batch = folder_images(folder, (3, height, width), 1)
    picture: NDArray[np.float64] = (batch[0] * 0.25 + 0.5).permute(1, 2, 0).double().numpy()
    return picture


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
