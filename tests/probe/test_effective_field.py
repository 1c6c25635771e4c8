"""Signs of the effective field (Luo et al. 2016), and the images that it takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import archlab
from archlab.errors import DataError


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
