"""Signs of the effective field (Luo et al. 2016), and the images that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import DataError, SpecError


def test_signs_of_the_effective_field() -> None:
    layers, size = ["layer1", "layer3"], "3x128x128"
    torch.manual_seed(0)
    plain = archlab.effective_receptive_field(
        archlab.load("plain20", input=size), layers=layers
    ).rows
    residual = archlab.effective_receptive_field(
        archlab.load("resnet20", input=size), layers=layers
    ).rows
    for row in (*plain, *residual):
        assert row.ratio is not None
        assert row.ratio < 1
    assert residual[1].effective_h < plain[1].effective_h
    assert plain[1].ratio < plain[0].ratio  # it falls with depth


def test_channels_last_and_windows_are_read_as_the_trace_says() -> None:
    # Patches of 4 pixels in windows of 7 patches: no more than 28 × 28.
    result = archlab.effective_receptive_field(
        "torchvision:swin_t", layers=["features.0", "features.1.0"], batch=1
    )
    patches, windows = result.rows
    assert (patches.effective_h, patches.effective_w) <= (4, 4)
    assert (windows.effective_h, windows.effective_w) <= (28, 28)
    assert result.status == "complete"


def test_an_output_that_is_changed_in_place_is_measured_as_it_was() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.narrow, self.wide = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 9, padding=4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.narrow(x).add_(self.wide(x))

    result = archlab.effective_receptive_field(
        archlab.load(InPlace(), input="3x32x32"), layers=["narrow"]
    )
    assert result.rows[0].effective_h <= 3
    assert result.status == "complete"


def test_a_layer_without_height_and_width_is_refused() -> None:
    with pytest.raises(SpecError, match="fc of resnet20 has no height and width left to measure"):
        archlab.effective_receptive_field("resnet20", layers=["fc"])


def test_images_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        archlab.effective_receptive_field("resnet20", images=tmp_path / "none")
    with pytest.raises(DataError, match="no images"):
        archlab.effective_receptive_field("resnet20", images=tmp_path)
    (tmp_path / "broken.png").write_text("not an image")
    with pytest.raises(DataError, match=r"broken\.png"):
        archlab.effective_receptive_field("resnet20", images=tmp_path)


def test_images_from_a_folder(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30), (200, 30, 90)).save(tmp_path / "red.png")
    result = archlab.effective_receptive_field("resnet20", images=tmp_path, layers=["conv1"])
    assert result.rows[0].effective_h <= 3
    picture = archlab.plot_receptive_field("resnet20", images=tmp_path, layers=["layer1"])
    assert "<svg" in picture.svg
