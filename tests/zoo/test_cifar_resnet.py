"""The 6n + 2 nets against He et al. 2015, arXiv:1512.03385, section 4.2, and sums by hand."""

import pytest
import torch
from torch import nn

from archlab import zoo
from archlab.errors import OptionError
from archlab.zoo.cifar_resnet import cifar_plain, cifar_resnet
from archlab.zoo.shortcut import PadShortcut

# Table 6 of the paper, in millions; the exact counts follow from the architecture, see below.
PAPER = {20: "0.27", 32: "0.46", 44: "0.66", 56: "0.85", 110: "1.7", 1202: "19.4"}
EXACT = {
    20: 269_722,
    32: 464_154,
    44: 658_586,
    56: 853_018,
    110: 1_727_962,
    1202: 19_421_274,
}


def test_the_names() -> None:
    for family in ("resnet", "plain"):
        assert zoo.ZOO[f"cifar_{family}"].names == tuple(f"{family}{depth}" for depth in PAPER)


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def by_hand(depth: int, widths: tuple[int, int, int] = (16, 32, 64)) -> int:
    """Add up 3x3 convolutions, two batch-norm values a channel, and the linear layer."""
    convs = [(3, widths[0])]
    for before, width in zip((widths[0], *widths), widths, strict=False):
        convs += [(before, width)] + [(width, width)] * ((depth - 2) // 3 - 1)
    assert len(convs) == depth - 1
    return sum(9 * a * b + 2 * b for a, b in convs) + widths[-1] * 10 + 10


@pytest.mark.parametrize("depth", EXACT)
def test_parameters_are_the_papers(depth: int) -> None:
    with torch.device("meta"):
        residual, plain = cifar_resnet(depth), cifar_plain(depth)
    assert count(residual) == count(plain) == EXACT[depth] == by_hand(depth)
    digits = len(PAPER[depth].split(".")[1])
    assert f"{count(residual) / 1e6:.{digits}f}" == PAPER[depth]
    shapes = {name: tensor.shape for name, tensor in residual.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in plain.state_dict().items()}


def test_depth_counts_the_convolutions_and_the_linear_layer() -> None:
    with torch.device("meta"):
        net = cifar_resnet(56)
    weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 56


def test_twins_start_equal_for_the_same_seed() -> None:
    torch.manual_seed(3)
    residual = cifar_resnet(20).state_dict()
    torch.manual_seed(3)
    plain = cifar_plain(20).state_dict()
    assert all(torch.equal(residual[name], plain[name]) for name in residual)


def test_widths_channels_and_classes() -> None:
    net = cifar_resnet(8, widths=(8, 16, 32), in_channels=1, num_classes=5)
    assert net.input_shape == (1, 32, 32)
    assert net(torch.zeros(2, 1, 16, 16)).shape == (2, 5)
    with torch.device("meta"):
        assert count(cifar_resnet(8, widths=(8, 16, 32))) == by_hand(8, (8, 16, 32))


def test_map_sizes_are_32_16_8() -> None:
    shapes: list[tuple[int, ...]] = []
    with torch.device("meta"):
        net = cifar_resnet(8).eval()
        for child in (net.conv1, net.layer1, net.layer2, net.layer3):
            child.register_forward_hook(lambda *call: shapes.append(tuple(call[-1].shape[1:])))
        net(torch.empty(1, 3, 32, 32))
    assert shapes == [(16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8)]


def test_the_three_shortcut_options() -> None:
    with torch.device("meta"):
        pad, project, always = (cifar_resnet(20, shortcut=option) for option in "ABC")  # type: ignore[arg-type]
    assert sum(isinstance(module, PadShortcut) for module in pad.modules()) == 2
    # B: 16 -> 32 and 32 -> 64, a 1x1 and its norm each.
    changed = (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64)
    assert count(project) == EXACT[20] + changed
    # C: also three identity units at 16 and two each at 32 and 64.
    unchanged = 3 * (16 * 16 + 32) + 2 * (32 * 32 + 64) + 2 * (64 * 64 + 128)
    assert count(always) == EXACT[20] + changed + unchanged


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("options", [{}, {"shortcut": "C"}, {"residual": False}])
def test_backward_reaches_every_parameter(norm, options) -> None:
    torch.manual_seed(0)
    net = cifar_resnet(14, norm=norm, **options)
    net(torch.randn(2, 3, 16, 16)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_norm_none_has_no_batch_norm() -> None:
    net = cifar_plain(8, norm="none")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    assert not list(net.buffers())


@pytest.mark.parametrize(
    ("depth", "message"),
    [(57, "nearest allowed are 56 or 62"), (2, "nearest allowed are 8"), (True, "from 1 up")],
)
def test_a_depth_that_is_not_6n_plus_2(depth: int, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        cifar_resnet(depth)


def test_a_plain_net_takes_no_shortcut() -> None:
    with pytest.raises(OptionError, match="residual=False"):
        cifar_resnet(20, residual=False, shortcut="B")
