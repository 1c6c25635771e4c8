"""ResNet-18 to ResNet-152 and their plain twins against torchvision."""

import pytest
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archlab import zoo
from archlab.errors import OptionError
from archlab.zoo.resnet import plain, resnet

# `num_params` and `_ops` (GMACs) of torchvision 0.29's IMAGENET1K_V1 weight entries.
PUBLISHED = {
    18: (11_689_512, 1.814),
    34: (21_797_672, 3.664),
    50: (25_557_032, 4.089),
    101: (44_549_160, 7.801),
    152: (60_192_808, 11.514),
}


def test_the_names() -> None:
    for family in ("resnet", "plain"):
        assert zoo.ZOO[family].names == tuple(f"{family}{depth}" for depth in PUBLISHED)


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


def macs(net: nn.Module, shape: tuple[int, ...]) -> int:
    with FlopCounterMode(display=False) as counter:
        net.eval()(torch.empty(1, *shape, device="meta"))
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("depth", PUBLISHED)
def test_the_default_costs_what_torchvision_publishes(depth: int) -> None:
    with torch.device("meta"):
        ours = resnet(depth)
        theirs = getattr(torchvision.models, f"resnet{depth}")()
    parameters, gmacs = PUBLISHED[depth]
    assert count(ours) == count(theirs) == parameters
    assert macs(ours, (3, 224, 224)) == macs(theirs, (3, 224, 224))
    assert macs(ours, (3, 224, 224)) / 1e9 == pytest.approx(gmacs, abs=6e-4)
    shapes = {name: tensor.shape for name, tensor in ours.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in theirs.state_dict().items()}


@pytest.mark.parametrize("depth", [18, 50])
def test_torchvision_weights_load_and_give_the_same_output(depth: int) -> None:
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, f"resnet{depth}")().eval()
    ours = resnet(depth).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))


@pytest.mark.parametrize("depth", PUBLISHED)
def test_the_layout_for_cifar_changes_the_stem_and_the_head_alone(depth: int) -> None:
    with torch.device("meta"):
        net = resnet(depth, layout="cifar")
    features = 512 if depth < 50 else 2048
    stem = (49 - 9) * 3 * 64
    head = (features + 1) * (1000 - 10)
    assert count(net) == PUBLISHED[depth][0] - stem - head
    assert net.input_shape == (3, 32, 32)
    assert resnet(18).input_shape == (3, 224, 224)


def test_map_sizes_of_the_layout_for_cifar() -> None:
    # 3x3 stem of stride 1, then max-pool 3/2 with padding 1, then three halvings.
    sides: list[int] = []
    with torch.device("meta"):
        net = resnet(18, layout="cifar").eval()
        for child in (net.conv1, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4):
            child.register_forward_hook(lambda *call: sides.append(call[-1].shape[-1]))
        net(torch.empty(1, 3, 32, 32))
    assert sides == [32, 16, 16, 8, 4, 2]


@pytest.mark.parametrize("depth", PUBLISHED)
def test_plain_is_the_residual_net_without_projections(depth: int) -> None:
    with torch.device("meta"):
        ours, twin = resnet(depth), plain(depth)
    kept = {name for name in ours.state_dict() if ".downsample." not in name}
    assert kept == set(twin.state_dict())
    same = resnet(18, residual=False).state_dict().keys()
    assert same == plain(18).state_dict().keys()


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("make", [resnet, plain])
def test_backward_reaches_every_parameter(make, depth, norm) -> None:
    torch.manual_seed(0)
    net = make(depth, norm=norm)
    net(torch.randn(2, 3, 16, 16)).sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_norm_none_has_biases_and_no_batch_norm() -> None:
    with torch.device("meta"):
        bare, normed = resnet(18, norm="none"), resnet(18)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in bare.modules())
    channels = sum(m.num_features for m in normed.modules() if isinstance(m, nn.BatchNorm2d))
    assert count(bare) == count(normed) - channels  # weight and bias of a norm become one bias


@pytest.mark.parametrize("depth", [20, 0, "18", None])
def test_a_depth_that_is_not_in_the_table(depth: object) -> None:
    with pytest.raises(OptionError, match="choose one of 18, 34, 50, 101, 152"):
        resnet(depth)  # type: ignore[arg-type]
