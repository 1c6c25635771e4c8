"""Pictures of a folder as tensors that fit a net, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archlab.errors import SpecError

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
