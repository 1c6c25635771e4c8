"""GoogLeNet against the published Caffe model, the paper's table, and torchvision's weights."""

import pytest
import torch
import torchvision
from torch import nn

from archlab import zoo
from archlab.zoo.googlenet import auxiliary_head, googlenet


def test_the_name() -> None:
    assert zoo.names()[0] == "googlenet"
    assert zoo.ZOO["googlenet"].names == ("googlenet",)


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def test_parameters_of_the_2014_net() -> None:
    # BVLC's bvlc_googlenet.caffemodel, without and with the layers under loss1 and loss2.
    with torch.device("meta"):
        bare = googlenet(norm="none", aux=False)
        whole = googlenet(norm="none")
    assert count(bare) == 6_998_552
    assert count(whole) == 13_378_280


# Map sides and widths of table 1 of Szegedy et al. 2014, arXiv:1409.4842.
PAPER_MAPS = {
    "conv1": (64, 112),
    "maxpool1": (64, 56),
    "conv3": (192, 56),
    "maxpool2": (192, 28),
    "inception3a": (256, 28),
    "inception3b": (480, 28),
    "maxpool3": (480, 14),
    "inception4a": (512, 14),
    "inception4b": (512, 14),
    "inception4c": (512, 14),
    "inception4d": (528, 14),
    "inception4e": (832, 14),
    "maxpool4": (832, 7),
    "inception5a": (832, 7),
    "inception5b": (1024, 7),
    "avgpool": (1024, 1),
}
SIDES_AT_32 = {112: 16, 56: 8, 28: 4, 14: 2, 7: 1, 1: 1}


@pytest.mark.parametrize("layout", ["imagenet", "cifar"])
@pytest.mark.parametrize("factorize", ["none", "v2", "v3"])
def test_maps_are_those_of_table_1(layout, factorize) -> None:
    maps: dict[str, tuple[int, int]] = {}

    def note(name: str, out: torch.Tensor) -> None:
        maps[name] = (out.shape[1], out.shape[2])

    with torch.device("meta"):
        net = googlenet(layout=layout, factorize=factorize).eval()
        for name in PAPER_MAPS:
            hook = net.get_submodule(name).register_forward_hook
            hook(lambda *call, name=name: note(name, call[-1]))
        logits = net(torch.empty(1, *net.input_shape))
    if layout == "imagenet":
        assert (maps, logits.shape) == (PAPER_MAPS, (1, 1000))
    else:
        small = {name: (width, SIDES_AT_32[side]) for name, (width, side) in PAPER_MAPS.items()}
        assert (maps, logits.shape) == (small, (1, 10))


def test_eval_logits_equal_torchvisions() -> None:
    """Torchvision has a 3x3 for the 5x5, a 2x2 fourth pool and another eps; undo these three."""
    torch.manual_seed(0)
    ours = googlenet().eval()
    theirs = torchvision.models.googlenet(init_weights=False).eval()
    theirs.maxpool4 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-5
    state = ours.state_dict()
    for name, weight in state.items():
        if weight.shape[2:] == (5, 5):
            centre = weight[:, :, 1:4, 1:4].clone()
            weight.zero_()[:, :, 1:4, 1:4] = centre  # in place: `ours` changes too
            state[name] = centre
    theirs.load_state_dict(state, strict=True)
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x))


def test_training_with_heads_returns_three_logits() -> None:
    with torch.device("meta"):
        for layout, classes in (("cifar", 10), ("imagenet", 1000)):
            net = googlenet(layout=layout)  # type: ignore[arg-type]
            x = torch.empty(2, *net.input_shape)
            out = net.train()(x)
            assert isinstance(out, tuple)
            assert [part.shape for part in out] == [(2, classes)] * 3
            assert net.eval()(x).shape == (2, classes)
            assert googlenet(layout=layout, aux=False)(x).shape == (2, classes)  # type: ignore[arg-type]


def test_where_the_heads_sit() -> None:
    with torch.device("meta"):
        small, paper = googlenet(layout="cifar"), googlenet(num_classes=10)
    # The course's net: after 4a and 4e, 2x2 maps padded by 2 and pooled to 1x1.
    assert (small.aux1.conv.conv.in_channels, small.aux2.conv.conv.in_channels) == (512, 832)
    assert small.aux1.fc1.in_features == 128
    # Paper, section 5: after 4a and 4d, 4x4x512 and 4x4x528 after the pool.
    assert (paper.aux1.conv.conv.in_channels, paper.aux2.conv.conv.in_channels) == (512, 528)
    assert paper.aux1.fc1.in_features == 4 * 4 * 128
    assert paper.aux2.dropout.p == 0.7
    assert paper.dropout.p == 0.4


def test_a_head_on_its_own() -> None:
    head = auxiliary_head(512, 1000, inner_side=14, padding=0, norm="none")
    # 1x1 of 128, linear 2048 -> 1024, linear 1024 -> 1000, biases included.
    assert count(head) == (512 * 128 + 128) + (2048 * 1024 + 1024) + (1024 * 1000 + 1000)
    assert head(torch.zeros(1, 512, 14, 14)).shape == (1, 1000)


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("factorize", ["none", "v3"])
def test_backward_reaches_every_parameter(norm, factorize) -> None:
    torch.manual_seed(0)
    net = googlenet(layout="cifar", norm=norm, factorize=factorize)
    logits, aux1, aux2 = net(torch.randn(2, 3, 32, 32))
    (logits + 0.3 * aux1 + 0.3 * aux2).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_factorized_nets_differ_by_the_sum_over_nine_blocks() -> None:
    # 5x5 reduce and 5x5 of table 1; v2 with batch norm: 9rr + 9rc + 2r + 2c for 25rc + 2c.
    columns = [(16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64), (32, 128), (32, 128)]
    columns += [(48, 128)]
    extra = sum(9 * r * r + 9 * r * c + 2 * r + 2 * c - (25 * r * c + 2 * c) for r, c in columns)
    with torch.device("meta"):
        assert count(googlenet(factorize="v2")) - count(googlenet()) == extra
