"""Shortcuts found in running models: the twin by dropping is the twin by construction."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

import archlab
from archlab import zoo
from archlab.errors import ProbeError
from archlab.probe.blocks import find_blocks
from archlab.probe.branches import measure_branches, zero_branches
from archlab.probe.gradients import Batch, measure_gradients
from archlab.probe.twin import measure_twin


def squared(output, _):
    return output.square().sum()


def image(size: int = 32, batch: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(0)
    return Batch((torch.randn((batch, 3, size, size), generator=generator),))


def built(name: str, **options) -> nn.Module:
    torch.manual_seed(0)
    return zoo.build(name, **options)


@pytest.mark.parametrize("norm", ["batch", "none"])
def test_dropped_shortcuts_are_the_zoos_plain_net(norm) -> None:
    dropped = measure_twin(
        built("resnet20", norm=norm), image(), squared, blocks=find_blocks(built("resnet20"))
    )
    plain = built("plain20", norm=norm)
    expected = measure_gradients(plain, image(), squared, blocks=find_blocks(plain))
    assert dropped.loss == pytest.approx(expected.loss, rel=1e-6)
    for one, other in zip(dropped.points, expected.points, strict=True):
        assert one.path == other.path
        assert one.activation_grad == pytest.approx(other.activation_grad, rel=1e-4)
        assert one.weight_grad == pytest.approx(other.weight_grad, rel=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_torchvisions_twin_is_our_plain_net_with_its_weights(name) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name, weights=None)
    plain = zoo.build(name.replace("resnet", "plain"), layout="imagenet")
    kept = {k: v for k, v in theirs.state_dict().items() if "downsample" not in k}
    plain.load_state_dict(kept, strict=True)
    blocks = find_blocks(theirs)
    dropped = measure_twin(theirs, image(64), squared, blocks=blocks)
    expected = measure_gradients(plain, image(64), squared, blocks=blocks)
    for one, other in zip(dropped.points, expected.points, strict=True):
        assert one.activation_grad == pytest.approx(other.activation_grad, rel=1e-3)


class Odd(nn.Module):
    """Two branches: x + f(x) in several spellings, a projection, and sums that are no shortcut."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.stem, self.f, self.g, self.way = (nn.Linear(4, 4) for _ in range(4))
        self.position = nn.Parameter(torch.ones(4))

    def join(self, x, y):
        if self.spelling == "plus":
            return x + y
        if self.spelling == "function":
            return torch.add(y, x)
        if self.spelling == "in place":
            y += x
            return y
        return x.clone().add_(y)

    def forward(self, x):
        x = self.stem(x) + self.position  # a sum with a weight: stays
        x = self.join(x, self.f(x))
        x = self.f(x) + self.g(x)  # branches of equal depth: stays
        return self.join(self.way(x), self.g(self.f(x).relu()))


@pytest.mark.parametrize("spelling", ["plus", "function", "in place", "method"])
def test_every_spelling_of_a_sum(spelling) -> None:
    torch.manual_seed(0)
    net, x = Odd(spelling), torch.randn(3, 4)
    assert [item.path for item in measure_branches(net, Batch((x,)))] == ["", ""]
    y = net.f(net.stem(x) + net.position)
    y = net.f(y) + net.g(y)
    expected = net.g(net.f(y).relu()).square().sum()
    assert measure_twin(net, Batch((x,)), squared).loss == pytest.approx(float(expected), rel=1e-5)


def test_a_block_on_the_input_itself() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.f = nn.Linear(4, 4)

        def forward(self, x):
            return x + self.f(x)

    net, x = Net(), torch.randn(2, 4)
    (found,) = measure_branches(net, Batch((x,)))
    assert found.ratio == pytest.approx(float(net.f(x).norm() / x.norm()), rel=1e-5)


def test_the_identity_probe_by_hand() -> None:
    net, batch = built("resnet8").train(), image()
    with torch.no_grad():
        x = net.relu(net.bn1(net.conv1(*batch.args)))
        unit = net.layer1[0]
        branch = unit.bn2(unit.conv2(torch.relu(unit.bn1(unit.conv1(x)))))
    first = measure_branches(built("resnet8"), batch)[0]
    assert first.ratio == pytest.approx(float(branch.norm() / x.norm()), rel=1e-5)


def test_zero_gamma_makes_every_block_the_identity() -> None:
    net = built("resnet20")
    assert zero_branches(net, image()) == 9
    assert all(item.ratio == 0 for item in measure_branches(net, image()))
    answer = archlab.gradients("resnet20", seeds=1, batch=8, init="zero-gamma")
    assert answer.totals["resnet20"].theory == 1.0
    assert answer.totals["resnet20"].growth_per_block == pytest.approx(1.0, abs=1e-9)


def test_transformers_have_two_additions_a_block() -> None:
    net = torchvision.models.VisionTransformer(
        image_size=32, patch_size=16, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32
    )
    found = measure_branches(net, image())
    assert len(found) == 6
    assert len({item.path for item in found}) == 3


@pytest.mark.parametrize("name", ["googlenet", "plain20"])
def test_no_shortcut_no_twin(name) -> None:
    for ask in (
        lambda: measure_twin(built(name), image(), lambda output, _: output[0].sum()),
        lambda: measure_branches(built(name), image()),
        lambda: archlab.gradients(name, twin=True, seeds=1, batch=2),
    ):
        with pytest.raises(ProbeError, match="No shortcut was found"):
            ask()
    with pytest.raises(ProbeError, match="no gamma"):
        zero_branches(built(name), image())


def test_an_answer_with_twins() -> None:
    for spec, how in (("resnet20", {}), ("torchvision:resnet18", {"input": "3x64x64"})):
        answer = archlab.gradients(archlab.load(spec, **how), twin=True, seeds=1, batch=8)
        assert list(answer.totals) == [spec, f"{spec} (plain twin)"]
        theory = answer.totals[f"{spec} (plain twin)"].theory
        assert theory == pytest.approx(1.467, abs=1e-3)
