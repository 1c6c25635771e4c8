"""Gradient norms against hand formulas and autograd by hand; the module is left as it was."""

from __future__ import annotations

import math
import runpy
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlab
from archlab import zoo
from archlab.errors import ProbeError
from archlab.probe.gradients import Batch, activation_gradients, measure_gradients


def squared(output, _):
    return output.square().sum()


def total(output, _):
    return output.sum()


def test_a_chain_of_numbers_by_hand() -> None:
    """y = c·b·a·x: dL/d(output of a) = c·b, and dL/da = c·b·x."""
    net = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in range(3)))
    with torch.no_grad():
        for layer, value in zip(net, (2.0, 3.0, 5.0), strict=True):
            layer.weight.fill_(value)
    points = measure_gradients(net, Batch((torch.tensor([[7.0]]),)), total).points
    assert [point.activation_grad for point in points] == [15.0, 5.0, 1.0]
    assert [point.weight_grad for point in points] == [105.0, 70.0, 42.0]
    assert [point.grad_to_weight for point in points] == pytest.approx([52.5, 70 / 3, 8.4])


def test_blocks_of_a_zoo_net_against_autograd_by_hand() -> None:
    torch.manual_seed(0)
    net, x = zoo.build("resnet8").double().train(), torch.randn(4, 3, 32, 32).double()
    labels = torch.tensor([0, 1, 2, 3])
    values = [net.relu(net.bn1(net.conv1(x)))]
    for stage in (net.layer1, net.layer2, net.layer3):
        values.append(stage(values[-1]))
    loss = functional.cross_entropy(net.fc(net.avgpool(values[-1]).flatten(1)), labels)
    weight = net.layer2[0].conv1.weight
    *expected, by_weight = torch.autograd.grad(loss, [*values, weight])
    measured = measure_gradients(
        net, Batch((x,), targets=labels), functional.cross_entropy,
        blocks=("layer1.0", "layer2.0", "layer3.0"),
    )  # fmt: skip
    assert [point.path for point in measured.points] == ["relu", "layer1.0", "layer2.0", "layer3.0"]
    assert [p.activation_grad for p in measured.points] == pytest.approx(
        [float(gradient.norm()) for gradient in expected], rel=1e-9
    )
    assert measured.loss == pytest.approx(float(loss.detach()), rel=1e-12)
    layers = measure_gradients(net, Batch((x,), targets=labels), functional.cross_entropy)
    layer = next(point for point in layers.points if point.path == "layer2.0.conv1")
    assert layer.weight_grad == pytest.approx(float(by_weight.norm()), rel=1e-9)
    ratio = float(by_weight.norm() / weight.detach().norm())
    assert layer.grad_to_weight == pytest.approx(ratio, rel=1e-9)


def test_an_in_place_relu_does_not_hide_the_gradient_before_it() -> None:
    layer, x = nn.Linear(4, 6), torch.randn(5, 4)
    before = layer(x).detach().requires_grad_()
    (expected,) = torch.autograd.grad(torch.relu(before).square().sum(), before)
    net = nn.Sequential(layer, nn.ReLU(inplace=True), nn.Linear(6, 6))
    with torch.no_grad():
        net[2].weight.copy_(torch.eye(6))
        net[2].bias.zero_()
    measured = activation_gradients(net, Batch((x,)), squared)
    assert measured["0"] == pytest.approx(float(expected.norm()), rel=1e-6)
    after = float((2 * torch.relu(before.detach())).norm())
    assert measured["1"] == pytest.approx(after, rel=1e-6)


def test_a_true_zero_is_a_zero_and_no_gradient_is_none() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.dead, self.unused = (nn.Linear(3, 3) for _ in range(3))

        def forward(self, x):
            self.unused(x)
            return self.used(x) + 0 * self.dead(x)

    measured = activation_gradients(Net(), Batch((torch.ones(2, 3),)), total)
    assert measured["dead"] == 0
    assert measured["unused"] is None
    assert measured["used"] == pytest.approx(math.sqrt(6))


def test_a_module_called_twice_has_two_points_and_one_heat() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False)
            nn.init.constant_(self.layer.weight, 3.0)

        def forward(self, x):
            return self.layer(self.layer(x))

    net, batch = Twice(), Batch((torch.ones(1, 1),))
    points = measure_gradients(net, batch, total, blocks=("layer",)).points
    assert [(p.call, p.activation_grad) for p in points[1:]] == [(0, 3.0), (1, 1.0)]
    assert points[0].path == "input of layer"
    heat = activation_gradients(net, batch, total)
    assert heat["layer"] == pytest.approx(math.sqrt(10))


@pytest.mark.parametrize(
    ("name", "options"), [("resnet20", {}), ("googlenet", {"layout": "cifar"})]
)
def test_heat_has_the_paths_of_the_graph(name: str, options: dict[str, str]) -> None:
    heat = archlab.module_gradients(archlab.load(name, **options), batch=2)
    graph = archlab.trace(archlab.load(name, batch=2, **options), mode="train")
    assert set(heat) == {call.path for call in graph.calls}
    assert all(value is None or value > 0 for value in heat.values())


def test_frozen_parts_and_outputs_of_every_form() -> None:
    class Forms(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return {"logits": self.second(self.first(x)), "more": (x, [None])}

    net = Forms()
    net.first.requires_grad_(requires_grad=False)
    measured = measure_gradients(
        net, Batch((torch.ones(1, 2),)), lambda output, _: output["logits"].sum()
    )
    first, second = measured.points
    assert (first.activation_grad, first.weight_grad, first.grad_to_weight) == (None, None, None)
    assert second.activation_grad == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize(
    ("net", "loss", "message"),
    [
        (nn.ReLU(), total, "has no parameters"),
        (nn.Linear(2, 2).requires_grad_(requires_grad=False), total, "2 parameters .* are frozen"),
        (nn.Linear(2, 2), lambda output, _: output, r"gave \(3, 2\)"),
        (nn.Linear(2, 2), lambda output, _: 1.0, "gave float"),
        (nn.Linear(2, 2), lambda output, _: output.detach().sum(), "depends on no weight"),
    ],
)
def test_what_cannot_be_measured(net, loss, message) -> None:
    with pytest.raises(ProbeError, match=message):
        measure_gradients(net, Batch((torch.ones(3, 2),)), loss)


def test_a_fixed_seed_gives_the_same_numbers_and_leaves_the_global_ones() -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    net = archlab.load("googlenet", layout="cifar")  # dropout, auxiliary heads
    first = archlab.gradients(net, seeds=1, batch=4)
    assert torch.equal(torch.rand(2), expected)
    second = archlab.gradients(net, seeds=1, batch=4)
    other = archlab.gradients(net, seeds=1, seed=1, batch=4)
    assert first.rows == second.rows
    assert first.rows != other.rows


def test_a_given_module_is_copied() -> None:
    net = zoo.build("resnet8")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    answer = archlab.gradients(net, seeds=2, batch=4)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert any("given weights were kept" in line for line in answer.footer)
    assert answer.totals["CifarResNet"].theory is None


def test_values_that_are_not_finite_are_named_where_they_begin() -> None:
    answer = archlab.gradients("cifar_plain152", seeds=1, batch=2, dtype="float16")
    assert answer.status == "partial"
    (item,) = answer.missing
    assert "not finite" in item.why
    assert item.path in {row.path for row in answer.rows}
    states = {row.state for row in answer.rows}
    assert states & {"inf", "nan"}
    record = answer.to_dict()
    assert all(row["activation_grad"] is None for row in record["rows"] if row["state"] == "nan")


@pytest.mark.gpu
def test_on_a_gpu_as_on_the_cpu() -> None:
    there = archlab.gradients("resnet20", seeds=1, device="cuda", dtype="float64")
    here = archlab.gradients("resnet20", seeds=1, dtype="float64")
    for one, other in zip(there.rows, here.rows, strict=True):
        assert one.activation_grad == pytest.approx(other.activation_grad, rel=1e-6)


def test_the_example_runs(monkeypatch, capsys) -> None:
    path = Path(__file__).parents[2] / "examples" / "10_gradients_while_training.py"
    monkeypatch.setattr(sys, "argv", [path.name, "resnet8", "1", "0"])
    with torch.random.fork_rng():
        runpy.run_path(str(path), run_name="__main__")
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "resnet8 seed 0 step   0", "resnet8 seed 0 step   1",
    ]  # fmt: skip
