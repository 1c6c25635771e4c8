"""Random inputs for nets without data: images with a natural spectrum, noise, tokens."""

from __future__ import annotations

import torch

from archlab.resolve.readings import made
from archlab.spec import InputSpec


def natural_images(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Return images (N, C, H, W) whose amplitude falls as 1/frequency, as in natural scenes.

    Phases are random; every channel of every image has mean 0 and standard deviation 1.

    Example:
        >>> x = natural_images((2, 3, 32, 32), torch.Generator().manual_seed(0))
        >>> round(float(x[0, 0].std(correction=0)), 4)
        1.0
    """
    height, width = shape[-2:]
    rows = torch.fft.fftfreq(height, dtype=torch.float64)[:, None]
    columns = torch.fft.rfftfreq(width, dtype=torch.float64)[None, :]
    frequency = (rows.square() + columns.square()).sqrt()
    # The mean has frequency 0. Its share of the spectrum is set to 0 below.
    frequency[0, 0] = 1.0
    # The spectrum of photographs: Field 1987, Journal of the Optical Society of America A 4.
    white = torch.randn(shape, generator=generator, dtype=torch.float64)
    spectrum = torch.fft.rfft2(white) / frequency
    spectrum[..., 0, 0] = 0
    images = torch.fft.irfft2(spectrum, s=(height, width))
    scale = images.square().mean(dim=(-2, -1), keepdim=True).sqrt()
    scaled: torch.Tensor = images / scale.clamp_min(torch.finfo(torch.float64).tiny)
    return scaled.float()


def made_input(spec: InputSpec, generator: torch.Generator, *, noise: bool) -> torch.Tensor:
    """Return one input: natural images for (N, C, H, W), else what `resolve.readings.made` makes.

    The shape of `spec` has its batch. With `noise`, images are N(0, 1), too.
    """
    is_image = spec.floating and len(spec.shape) == 4 and min(spec.shape[-2:]) > 1
    if not is_image or noise:
        return made(spec, generator)
    return natural_images(spec.shape, generator).to(getattr(torch, spec.dtype or "float32"))
