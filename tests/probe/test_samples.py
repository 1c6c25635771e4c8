"""Random inputs: the spectrum of natural images, noise, tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archlab.probe.samples import made_input, natural_images
from archlab.spec import InputSpec


def test_natural_images_fall_as_one_over_frequency() -> None:
    images = natural_images((64, 3, 32, 32), torch.Generator().manual_seed(0)).numpy()
    assert images.mean((2, 3)) == pytest.approx(0, abs=1e-5)
    assert images.std((2, 3)) == pytest.approx(1, abs=1e-5)
    power = (np.abs(np.fft.fft2(images)) ** 2).mean((0, 1))
    frequencies = np.arange(1, 16)
    slope = np.polyfit(np.log(frequencies), np.log(power[0, 1:16]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.15)  # amplitude 1/f is power 1/f²


def test_made_inputs() -> None:
    generator = torch.Generator().manual_seed(0)
    tokens = made_input(InputSpec((2, 50), "int64", below=7), generator, noise=False)
    assert tokens.dtype == torch.int64
    assert 0 <= int(tokens.min()) <= int(tokens.max()) < 7
    noise = made_input(InputSpec((8, 3, 32, 32)), generator, noise=True)
    assert abs(float((noise[..., 1:] * noise[..., :-1]).mean())) < 0.05
    natural = made_input(InputSpec((8, 3, 32, 32)), generator, noise=False)
    assert float((natural[..., 1:] * natural[..., :-1]).mean()) > 0.5
