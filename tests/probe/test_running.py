"""Scripted, compiled and checkpointed modules run as their plain counterparts do."""

from __future__ import annotations

import sys
import warnings

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from archlab.errors import OptionError, ProbeError
from archlab.probe.gradients import Batch, activation_gradients, measure_gradients
from archlab.probe.responses import measure_responses
from archlab.probe.running import after, as_written, before, members, run
from archlab.tracer.isolate import unwrap


def total(output, _):
    return output.sum()


class Blocks(nn.Module):
    """A stem, two blocks and a head; `how` says how a block is called."""

    def __init__(self, how=None):
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4)) for _ in range(2)
        )
        self.head = nn.Linear(4, 2)
        self.how = how

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = x + (block(x) if self.how is None else checkpoint(block, x, use_reentrant=self.how))
        return self.head(x)


@pytest.fixture
def plain():
    torch.manual_seed(0)
    return Blocks()


@pytest.mark.parametrize("how", [False, True])
def test_checkpointing_changes_no_number(plain, how) -> None:
    again = Blocks(how)
    again.load_state_dict(plain.state_dict())
    batch = Batch((torch.randn(3, 4),))
    assert measure_gradients(again, batch, total) == measure_gradients(plain, batch, total)
    assert len(measure_gradients(again, batch, total).points) == 6
    heat = activation_gradients(again, batch, total)
    assert heat == activation_gradients(plain, batch, total)


def test_a_reentrant_checkpoint_without_a_wish_for_gradients_gives_none() -> None:
    class First(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.b(checkpoint(self.a, x, use_reentrant=True))

    net, x = First(), torch.randn(3, 4)
    first, second = measure_gradients(net, Batch((x,)), total).points
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says what this test is about
        net(x).sum().backward()
    assert net.a.weight.grad is None
    assert (first.activation_grad, first.weight_grad) == (None, None)
    assert second.weight_grad == pytest.approx(float(net.b.weight.grad.norm()), rel=1e-6)


def test_checkpoints_are_torchs_own_again_after_an_error() -> None:
    own = torch.utils.checkpoint.CheckpointFunction
    with pytest.raises(ZeroDivisionError), as_written():
        1 / 0  # noqa: B018
    assert torch.utils.checkpoint.CheckpointFunction is own


@pytest.mark.skipif(torch.__version__ < "2.14", reason="an older torch compiles the wrapper alone")
def test_nobody_compiles_the_hooks(plain) -> None:
    compiled = []

    def backend(graph, _):
        compiled.append(graph)
        return graph

    batch = Batch((torch.randn(3, 4),))
    expected = measure_gradients(plain, batch, total)
    whole = torch.compile(plain, backend=backend)
    assert "torch._dynamo" in sys.modules
    assert unwrap(whole) is plain
    assert measure_gradients(unwrap(whole), batch, total) == expected
    # A wrapper that stays gives the same numbers under its own paths.
    assert measure_gradients(whole, batch, total).loss == expected.loss
    plain.blocks[0] = torch.compile(plain.blocks[0], backend=backend)
    plain.head.compile(backend=backend)
    assert len(measure_responses(plain, batch)) == 6
    assert [path for path, _ in members(unwrap(plain)) if "_orig_mod" in path] == []
    assert measure_gradients(plain, batch, total) == expected
    assert not compiled
    with torch.no_grad():
        plain(*batch.args)
    assert compiled, "outside of a measurement the head is compiled as before"


def scripted(module):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit.script is deprecated
        return torch.jit.script(module)


def test_a_scripted_module_is_one_layer(plain) -> None:
    batch = Batch((torch.randn(3, 4),))
    expected = activation_gradients(plain, batch, total)
    weights = list(plain.blocks[1].parameters())
    plain.blocks[1] = scripted(plain.blocks[1])
    assert [path for path, _ in members(plain)][-3:] == ["blocks.0.2", "blocks.1", "head"]
    heat = activation_gradients(plain, batch, total)
    assert heat == pytest.approx({path: expected[path] for path in heat}, rel=1e-5)
    points = {point.path: point for point in measure_gradients(plain, batch, total).points}
    assert list(points) == ["stem", "blocks.0.0", "blocks.0.2", "blocks.1", "head"]
    loss = plain(*batch.args).sum()
    gradients = torch.autograd.grad(loss, [weight for weight in weights if weight.dim() > 1])
    by_hand = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    assert points["blocks.1"].weight_grad == pytest.approx(float(by_hand), rel=1e-5)


def test_a_model_that_is_scripted_as_a_whole() -> None:
    net = scripted(nn.Linear(2, 2))
    (point,) = measure_gradients(net, Batch((torch.ones(3, 2),)), total).points
    # dL/dW is 3 everywhere, and dL/dy is 1 in each of the 6 places.
    assert (point.path, point.weight_grad) == ("", pytest.approx(6))
    assert point.activation_grad == pytest.approx(6**0.5)


def test_hooks_of_a_scripted_module_see_that_module_alone() -> None:
    seen = []
    first, second = scripted(nn.ReLU()), scripted(nn.ReLU())
    hooks = [
        before(first, lambda *_: seen.append("before")),
        after(first, lambda *_: seen.append("after")),
    ]
    second(torch.ones(1))
    first(torch.ones(1))
    for hook in hooks:
        hook.remove()
    first(torch.ones(1))
    assert seen == ["before", "after"]


def test_what_a_model_raises_is_told_without_values() -> None:
    class Fails(nn.Linear):
        def forward(self, x):
            raise ValueError(f"cannot take {x}\nand more")

    net = Fails(2, 2)
    with pytest.raises(
        ProbeError, match=r"^The forward of Fails failed: ValueError: cannot take a tensor$"
    ):
        run(net, (torch.full((2, 2), 0.125),), {})


def test_a_backward_that_fails_is_told() -> None:
    class Overwrites(nn.Linear):
        def forward(self, x):
            y = torch.sigmoid(super().forward(x))
            z = y.square().sum()
            y.mul_(2)
            return z

    with pytest.raises(ProbeError, match=r"backward pass of Overwrites failed: .* inplace"):
        measure_gradients(Overwrites(2, 2), Batch((torch.ones(1, 2),)), lambda y, _: y)


def test_a_generator_runs_to_its_end() -> None:
    class Yields(nn.Linear):
        def forward(self, x):
            yield super().forward(x)

    assert [tuple(y.shape) for y in run(Yields(2, 3), (torch.ones(1, 2),), {})] == [(1, 3)]


def test_layers_inside_a_transform_are_refused() -> None:
    class Mapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2)

        def forward(self, x):
            return torch.vmap(self.a)(x)

    batch = Batch((torch.ones(3, 2),))
    for measure in (measure_gradients, activation_gradients):
        with pytest.raises(ProbeError, match=r"inside torch\.func"):
            measure(Mapped(), batch, total)
    with pytest.raises(ProbeError, match=r"inside torch\.func"):
        measure_responses(Mapped(), batch)


def test_lazy_layers_without_weights_are_refused() -> None:
    batch = Batch((torch.ones(3, 2),))
    for measure in (measure_gradients, activation_gradients):
        with pytest.raises(ProbeError, match="lazy modules without weights"):
            measure(nn.Sequential(nn.LazyLinear(2)), batch, total)
    with pytest.raises(ProbeError, match="lazy modules without weights"):
        measure_responses(nn.Sequential(nn.LazyLinear(2)), batch)


def test_a_net_without_layers_of_weights_is_refused() -> None:
    net = nn.PReLU(2)  # its weight has one axis
    with pytest.raises(ProbeError, match="No layer with weights ran in PReLU"):
        measure_gradients(net, Batch((torch.ones(3, 2),)), total)


def test_lists_of_parameters_belong_to_the_module_around_them() -> None:
    class Listed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weights = nn.ParameterList([nn.Parameter(torch.ones(2, 2)) for _ in range(2)])
            self.more = nn.ParameterDict({"a": nn.Parameter(torch.ones(2, 1))})

        def forward(self, x):
            return x @ self.weights[0] @ self.weights[1] @ self.more["a"]

    (point,) = measure_gradients(Listed(), Batch((torch.ones(1, 2),)), total).points
    # dL/dW is 2 in the 4 places of both matrices, and 4 in the 2 of the column: √(16 + 16 + 32).
    assert (point.path, point.weight_grad) == ("", pytest.approx(8))


def test_a_layer_that_passes_no_gradient_back_has_none() -> None:
    class Cut(torch.autograd.Function):
        @staticmethod
        def forward(_, x):
            return x * 1

        @staticmethod
        def backward(*_):
            return None

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.b(Cut.apply(self.a(x)))

    first, second = measure_gradients(Net(), Batch((torch.ones(3, 2),)), total).points
    assert (first.activation_grad, first.weight_grad) == (None, None)
    assert second.activation_grad == pytest.approx(6**0.5)


def test_an_output_without_fractions_starts_no_loss() -> None:
    from archlab.probe.losses import random_target_loss

    with pytest.raises(OptionError, match="no floating-point tensor"):
        random_target_loss("sum", 0)([torch.ones(2, dtype=torch.int64), None], None)
