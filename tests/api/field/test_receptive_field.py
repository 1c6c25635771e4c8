"""Verbs about receptive fields: which layers they answer for, and under what conditions."""

import pytest
import torch
from torch import nn

import archlab
from archlab.api.field.receptive_field import check_layers, spaced
from archlab.api.model import Model
from archlab.errors import OptionError, SpecError


def test_four_layers_from_nearly_the_first_to_the_last() -> None:
    # 19 convolutions, counted from 0: 18 · 1/4, 2/4, 3/4 and 4/4, rounded to even.
    assert spaced(Model("plain20")) == (
        "layer1.1.conv2", "layer2.1.conv1", "layer3.0.conv2", "layer3.2.conv2",
    )  # fmt: skip


def test_chosen_layers_are_rows_without_a_tree() -> None:
    answer = archlab.receptive_field("plain8", layers=["layer1.0.conv2", "conv1"])
    assert [(row.path, row.rf_h) for row in answer.rows] == [("conv1", 3), ("layer1.0.conv2", 7)]
    assert not answer.tree


def test_an_unknown_layer_is_named_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"no layer 'layer1.0.conv3'. Did you mean layer1.0.conv"):
        check_layers(Model("plain8"), ["layer1.0.conv3"])


def test_a_certificate_needs_images() -> None:
    with pytest.raises(OptionError, match="must take images"):
        archlab.verify_receptive_field(archlab.load(nn.Conv1d(3, 4, 3), input="[1x3x16]"))


def test_a_unit_that_sees_padding_alone_is_certified_as_such() -> None:
    # Between two pixels lie two places that a 1×1 of stride 3 leaves empty.
    net = nn.Sequential(nn.ConvTranspose2d(3, 4, 1, stride=3), nn.Conv2d(4, 4, 3, padding=1))
    result = archlab.verify_receptive_field(archlab.load(net, input="3x32x32"))
    assert result.totals.agree == result.totals.checked
    empty = [row for row in result.rows if row.low is None]
    assert empty
    assert all(row.predicted_low is None and row.predicted_high is None for row in empty)


def test_a_picture_of_a_unit_that_sees_nothing_has_no_box() -> None:
    net = nn.Sequential(nn.ConvTranspose2d(3, 4, 1, stride=3, output_padding=2))
    model = archlab.load(net, input="3x5x5")
    assert "<svg" in archlab.plot_receptive_field(model, layers=["0"]).svg


@pytest.mark.parametrize("net", [nn.Conv1d(3, 4, 3), nn.Conv3d(3, 4, 3)])
def test_effective_fields_are_of_images(net: nn.Module) -> None:
    shape = "x".join(["1", "3", *["8"] * (net.weight.dim() - 2)])
    with pytest.raises(OptionError, match="to measure effective fields it must take images"):
        archlab.effective_receptive_field(archlab.load(net, input=f"[{shape}]"))


def test_a_measured_field_says_on_what() -> None:
    answer = archlab.effective_receptive_field("plain8", layers=["conv1"], batch=2)
    words = " ".join(answer.header.conventions)
    assert "2 × Gaussian noise, 8 directions, seed 0, eval mode, initial weights" in words
    assert answer.rows[0].effective_h <= 3


class TwoImages(nn.Module):
    """A map of one image and one of another, of half the size, that is enlarged."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(1, 4, 3, padding=1)
        self.c = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, color: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        small = nn.functional.interpolate(self.b(depth), scale_factor=2)
        return self.c(self.a(color) + small)  # type: ignore[no-any-return]


def two_images(depth: str) -> archlab.Model:
    return archlab.load(TwoImages(), input={"color": "3x32x32", "depth": depth})


def test_fields_are_in_pixels_of_the_first_image() -> None:
    result = archlab.receptive_field(two_images("1x16x16"))
    assert (result.rf_h, result.status) == (5, "partial")
    assert "the input depth: it is an image of another size" in str(result)


@pytest.mark.parametrize(
    "verb", [archlab.effective_receptive_field, archlab.verify_receptive_field]
)
def test_gradients_measure_nets_of_one_image(verb) -> None:
    with pytest.raises(archlab.ArchlabError, match="takes 2 inputs"):
        verb(two_images("1x16x16"))


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_scripted_parts_cannot_be_verified() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), torch.jit.script(nn.Conv2d(4, 4, 3)))
    with pytest.raises(archlab.ArchlabError, match="scripted"):
        archlab.verify_receptive_field(archlab.load(net, input="3x16x16"))
