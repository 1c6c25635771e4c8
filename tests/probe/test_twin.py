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
    plain = zoo.build(name.replace("resnet", "plain"))
    kept = {k: v for k, v in theirs.state_dict().items() if "downsample" not in k}
    plain.load_state_dict(kept, strict=True)
    blocks = find_blocks(theirs)
    dropped = measure_twin(theirs, image(64), squared, blocks=blocks)
    expected = measure_gradients(plain, image(64), squared, blocks=blocks)
    for one, other in zip(dropped.points, expected.points, strict=True):
        assert one.activation_grad == pytest.approx(other.activation_grad, rel=1e-3)


@pytest.mark.parametrize(("name", "options"), [("googlenet", {"layout": "cifar"}), ("plain20", {})])
def test_no_shortcut_no_twin(name, options) -> None:
    net, model = built(name, **options), archlab.load(name, **options)
    for ask in (
        lambda: measure_twin(net, image(), lambda output, _: output[0].sum()),
        lambda: measure_branches(net, image()),
        lambda: archlab.gradients(model, twin=True, seeds=1, batch=2),
    ):
        with pytest.raises(ProbeError, match="No shortcut was found"):
            ask()
    with pytest.raises(ProbeError, match="no gamma"):
        zero_branches(net, image())


def test_no_theory_where_branches_are_joined() -> None:
    net = archlab.load("googlenet", layout="cifar")
    totals = archlab.gradients(net, seeds=1, batch=2).totals["googlenet"]
    assert (totals.theory, totals.theory_text) == (None, "none for this kind of net")


def test_an_answer_with_twins() -> None:
    for spec, options in (("resnet20", {}), ("torchvision:resnet18", {"input": "3x64x64"})):
        answer = archlab.gradients(archlab.load(spec, **options), twin=True, seeds=1, batch=8)
        assert list(answer.totals) == [spec, f"{spec} (plain twin)"]
        theory = answer.totals[f"{spec} (plain twin)"].theory
        assert theory == pytest.approx(1.467, abs=1e-3)
