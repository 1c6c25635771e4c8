"""Pictures of a folder as tensors that fit a net, with errors that say what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from archlab.data.folder import SUFFIXES, decoded, image_files
from archlab.errors import DataError, SpecError


def folder_images(folder: str | Path, shape: Sequence[int], batch: int) -> torch.Tensor:
    """Return up to `batch` images of a folder (searched below it) as (N, C, H, W), about zero mean.

    Images that are absent or cannot be read are a DataError.
    """
    if not Path(folder).is_dir():
        raise DataError(f"There is no folder {folder} with images.")
    paths = image_files(Path(folder))[:batch]
    if not paths:
        raise DataError(f"{folder} holds no images ({', '.join(SUFFIXES)}).")
    channels, height, width = shape
    mode = "L" if channels == 1 else "RGB"
    pixels = np.stack([decoded(path, mode, (width, height)) for path in paths])
    return fitted(torch.from_numpy(pixels).permute(0, 3, 1, 2), shape)


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
    # Without antialiasing a large picture would be sampled at a few pixels, not averaged.
    if batch.shape[2:] != (height, width):
        batch = nn.functional.interpolate(
            batch, (height, width), mode="bilinear", antialias=True, align_corners=False
        )
    # Mean 0.5 and deviation 0.25 are those of natural images, near enough for any net's input.
    return (batch / 255 - 0.5) / 0.25


def first_image(folder: str | Path, height: int, width: int) -> NDArray[np.float64]:
    """Return the first image of a folder as (height, width, 3), 0 … 1, to draw on."""
    # `fitted` the other way round.
    image = folder_images(folder, (3, height, width), batch=1)[0] * 0.25 + 0.5
    pixels: NDArray[np.float64] = image.permute(1, 2, 0).double().numpy()
    return pixels
