"""Blocks, made inputs, losses, initial values, responses, shattered gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import archlab
from archlab import zoo
from archlab.errors import OptionError, SpecError
from archlab.probe.blocks import chosen, find_blocks
from archlab.probe.gradients import Batch
from archlab.probe.initial import initialise, weight_gain, without_norms
from archlab.probe.losses import choose_loss, random_target_loss
from archlab.probe.responses import measure_responses
from archlab.probe.samples import made_input, natural_images
from archlab.probe.shattered import LineNet, autocorrelation, input_gradients
from archlab.spec import InputSpec


@pytest.mark.parametrize(
    ("spec", "count", "first", "last"),
    [
        ("resnet56", 27, "layer1.0", "layer3.8"),
        ("plain20", 9, "layer1.0", "layer3.2"),
        ("resnet50", 16, "layer1.0", "layer4.2"),
        ("googlenet", 9, "inception3a", "inception5b"),
        ("torchvision:resnet18", 8, "layer1.0", "layer4.1"),
        ("torchvision:mobilenet_v2", 17, "features.1", "features.17"),
        ("torchvision:vit_b_16", 12, "encoder.layers.encoder_layer_0", None),
        ("timm:convnext_tiny", 18, "stages.0.blocks.0", "stages.3.blocks.2"),
        ("timm:mixer_s16_224", 8, "blocks.0", "blocks.7"),
    ],
)
def test_the_repeated_unit(spec, count, first, last) -> None:
    found = find_blocks(archlab.load(spec).module)
    assert len(found) == count
    assert found[0] == first
    assert last in (None, found[-1])


def test_a_net_without_units_is_measured_layer_by_layer() -> None:
    net = archlab.load("torchvision:vgg11").module
    assert find_blocks(net) == ()
    rows = archlab.gradients(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), seeds=1, batch=2).rows
    assert [row.path for row in rows] == ["0", "1"]


def test_patterns() -> None:
    net = zoo.build("resnet20")
    assert chosen(net, ["layer1.*"], "net") == ("layer1.0", "layer1.1", "layer1.2")
    assert chosen(net, ["conv1", "layer?"], "net") == ("conv1", "layer1", "layer2", "layer3")
    with pytest.raises(SpecError, match=r"no module 'layer9'. Did you mean layer"):
        chosen(net, ["layer9"], "net")


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
    tokens = made_input(InputSpec((2, 50), "int64"), generator, noise=False, tokens=7)
    assert tokens.dtype == torch.int64
    assert 0 <= int(tokens.min()) <= int(tokens.max()) < 7
    noise = made_input(InputSpec((8, 3, 32, 32)), generator, noise=True, tokens=2)
    assert abs(float((noise[..., 1:] * noise[..., :-1]).mean())) < 0.05
    natural = made_input(InputSpec((8, 3, 32, 32)), generator, noise=False, tokens=2)
    assert float((natural[..., 1:] * natural[..., :-1]).mean()) > 0.5


@pytest.mark.parametrize(
    ("name", "shapes", "taken"),
    [
        (None, [(4, 10)], "cross-entropy"),
        (None, [(4, 10, 8, 8)], "cross-entropy"),
        (None, [(4, 16, 100)], "cross-entropy"),
        (None, [(4,)], "mse"),
        (None, [(4, 1)], "mse"),
        ("sum", [(4, 10)], "sum"),
    ],
)
def test_the_loss_fits_the_output(name, shapes, taken) -> None:
    assert choose_loss(name, shapes)[0] == taken
    value = random_target_loss(taken, 0)(torch.randn(shapes[0]), None)
    assert value.shape == ()


def test_losses_that_do_not_fit() -> None:
    with pytest.raises(OptionError, match=r"wants an output of \(batch, classes"):
        choose_loss("cross-entropy", [(4, 1)])
    with pytest.raises(OptionError, match="Did you mean cross-entropy"):
        choose_loss("crossentropy", [(4, 2)])
    with pytest.raises(OptionError, match="no floating-point tensor"):
        choose_loss(None, [])


def test_auxiliary_heads_count_three_tenths() -> None:
    main, side = torch.full((2, 3), 1.0), torch.full((2, 3), 10.0)
    assert float(random_target_loss("sum", 0)((main, side, torch.ones(7)), None)) == 6 + 0.3 * 60


@pytest.mark.parametrize(
    ("scheme", "gain"),
    [("kaiming", 2), ("xavier", 1), ("default", 1 / 3), ("orthogonal", 2), ("zero-gamma", 2)],
)
def test_gains_of_initial_values(scheme, gain) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3))
    assert initialise(net, scheme) == 2
    assert weight_gain(net) == pytest.approx(gain, rel=0.03)
    assert weight_gain(nn.ReLU()) is None


def test_norms_are_taken_out() -> None:
    net = archlab.load("torchvision:resnet18").module
    assert without_norms(net) == 20
    answer = archlab.gradients(
        archlab.load("torchvision:resnet18", input="3x32x32"), norm="none", seeds=1, batch=4
    )
    assert answer.totals["torchvision:resnet18"].theory == pytest.approx(math.sqrt(2), rel=0.2)


def test_responses_by_hand() -> None:
    torch.manual_seed(0)
    net, x = zoo.build("plain8").train(), torch.randn(4, 3, 32, 32)
    found = {item.path: item for item in measure_responses(net, Batch((x,)))}
    with torch.no_grad():
        first = net.bn1(net.conv1(x))
        unit = net.layer1[0]
        raw = unit.conv1(torch.relu(first))
    assert found["conv1"].deviation == pytest.approx(float(first.std(correction=0)), rel=1e-4)
    assert found["layer1.0.conv1"].normed
    assert found["layer1.0.conv1"].deviation == pytest.approx(1, abs=1e-3)
    assert float(raw.std()) != pytest.approx(1, abs=0.01)
    assert not found["fc"].normed


def test_responses_without_norm_fall_in_plain_nets_and_grow_in_residual_ones() -> None:
    totals = archlab.responses("plain20", "resnet20", norm="none", seeds=2, batch=16)
    rows = {(row.net, row.path): row.response for row in totals.rows}
    assert rows["plain20", "layer3.2.conv2"] < rows["plain20", "layer1.0.conv1"]
    assert rows["resnet20", "layer3.2.conv2"] > rows["resnet20", "layer1.0.conv1"]
    ranks = sorted(row.rank for row in totals.rows if row.net == "plain20" and row.seed == 0)
    assert ranks == list(range(1, 21))


def test_identity_of_several_nets() -> None:
    answer = archlab.identity("resnet20", "torchvision:resnet18", seeds=1, batch=4)
    assert [item.places for item in answer.totals.values()] == [9, 8]
    assert all(row.branch_to_input > 0 for row in answer.rows)


def test_autocorrelation_of_known_series() -> None:
    noise = torch.randn(4096, generator=torch.Generator().manual_seed(0))
    assert autocorrelation(noise, 3)[1:] == pytest.approx([0, 0, 0], abs=0.05)
    assert autocorrelation(noise.cumsum(0), 1)[1] > 0.99
    centred = (noise - noise.mean()).double().numpy()
    expected = np.correlate(centred, centred, "full")[4095:4099] / (centred**2).sum()
    assert autocorrelation(noise, 3) == pytest.approx(expected.tolist(), abs=1e-9)


def test_input_gradients_against_differences() -> None:
    """Between two kinks the gradient of a ReLU net is constant: it is the slope."""
    net = LineNet(depth=1, width=3)
    gradient = input_gradients(net, seed=1)
    assert len(set(gradient.round(decimals=9).tolist())) <= 4  # three kinks at most


def test_the_order_of_shattering() -> None:
    """Balduzzi et al. 2017: plain < residual < residual with a small branch factor."""
    totals = archlab.shattered(depths=(24, 50), width=100, seeds=6).totals
    mean = {name: item.mean for name, item in totals.items()}
    assert mean["plain24 + BN"] < mean["resnet24 + BN"]
    assert mean["plain50 + BN"] < mean["resnet50 + BN"] < mean["resnet50 + BN, β 0.1"]
    assert archlab.shattered(depths=(24, 50), width=100, seeds=6).totals == totals
