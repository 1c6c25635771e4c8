"""Gradients against intervals, and the signs of the effective field (Luo et al. 2016)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import SpecError


@pytest.mark.parametrize("spec", ["resnet20", "googlenet", "torchvision:mobilenet_v3_large"])
def test_gradients_agree(spec: str) -> None:
    totals = archlab.verify_receptive_field(spec).totals
    assert totals.checked > 30
    assert totals.agree == totals.checked


# The wiring is asked, so channels cost time alone: DenseNet-121 with a quarter of its own.
NARROW = {"growth_rate": 8, "num_init_features": 16}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "options"),
    [("resnet56", {"widths": (4, 4, 4)}), ("torchvision:resnet50", {}),
     ("torchvision:googlenet", {}), ("torchvision:inception_v3", {}),
     ("torchvision.models:DenseNet", NARROW)],
)  # fmt: skip
def test_gradients_agree_on_large_nets(spec: str, options: dict[str, Any]) -> None:
    totals = archlab.verify_receptive_field(archlab.load(spec, **options)).totals
    assert totals.checked > 100
    assert totals.agree == totals.checked


def test_gradients_see_holes_and_wide_kernels() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2),
        nn.Conv2d(4, 4, (1, 7), padding=(0, 3)),
        nn.ConvTranspose2d(4, 4, 2, 2),
        nn.Conv2d(4, 4, 3, padding=1),
    )
    result = archlab.verify_receptive_field(archlab.load(net, input="3x64x64"))
    assert result.totals.agree == result.totals.checked
    assert any(row.holes for row in result.rows)


def test_gradients_agree_on_a_unet_with_phases() -> None:
    path = Path(__file__).parents[1] / "truth" / "hand_made_nets.py"
    result = archlab.verify_receptive_field(archlab.load(f"{path}:UNet", input="3x64x64"))
    assert result.totals.layers == 8  # five 3×3, two up-convolutions, one 1×1
    assert result.totals.agree == result.totals.checked
    widths = {row.high - row.low + 1 for row in result.rows if row.path == "o"}
    assert widths == {22, 26}


def test_a_wrong_prediction_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate must fail when the symbolic rule is broken."""
    from archlab.analyze.field.sight import field

    right = field.window

    def wrong(old, *, kernel, **rest):
        return right(old, kernel=kernel + (kernel == 3), **rest)

    monkeypatch.setattr("archlab.analyze.field.sight.windows.fields.window", wrong)
    totals = archlab.verify_receptive_field("resnet20").totals
    assert totals.agree < totals.checked


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


def test_images_and_weights_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no folder"):
        archlab.effective_receptive_field("resnet20", images=tmp_path / "none")
    with pytest.raises(SpecError, match="no images"):
        archlab.effective_receptive_field("resnet20", images=tmp_path)
    (tmp_path / "broken.png").write_text("not an image")
    with pytest.raises(SpecError, match="cannot be read"):
        archlab.effective_receptive_field("resnet20", images=tmp_path)
    checkpoint = tmp_path / "other.pt"
    torch.save(nn.Linear(2, 2).state_dict(), checkpoint)
    with pytest.raises(SpecError, match="another model"):
        archlab.effective_receptive_field("resnet20", checkpoint=checkpoint)
    checkpoint.write_text("nothing")
    with pytest.raises(SpecError, match="no checkpoint"):
        archlab.effective_receptive_field("resnet20", checkpoint=checkpoint)


def test_images_from_a_folder(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30), (200, 30, 90)).save(tmp_path / "red.png")
    result = archlab.effective_receptive_field("resnet20", images=tmp_path, layers=["conv1"])
    assert result.rows[0].effective_h <= 3
    picture = archlab.plot_receptive_field("resnet20", images=tmp_path, layers=["layer1"])
    assert "<svg" in picture.svg
