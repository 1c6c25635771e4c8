"""What a backward pass runs beyond its operators' gradients, against torch's own counter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import archlab
from archlab.tracer.backward import autograd_nodes, custom_functions


def block() -> nn.Module:
    return nn.Sequential(nn.Linear(32, 64, bias=False), nn.GELU(), nn.Linear(64, 32, bias=False))


class Stack(nn.Module):
    """A stem, two blocks that `run` calls, a head."""

    def __init__(self, run: Any = lambda part, x: part(x)) -> None:
        super().__init__()
        self.run = run
        self.stem, self.head = nn.Linear(32, 32, bias=False), nn.Linear(32, 4, bias=False)
        self.blocks = nn.ModuleList([block() for _ in range(2)])

    def forward(self, x: torch.Tensor) -> Any:
        x = self.stem(x)
        for part in self.blocks:
            x = self.run(part, x)
        return self.head(x)


class Square(torch.autograd.Function):
    """w·wᵀ·x, whose backward computes the first product again."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x, w)
        return x @ w @ w.t()

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        x, w = ctx.saved_tensors
        middle = x @ w
        return grad @ w @ w.t(), grad.t() @ middle + x.t() @ (grad @ w)


class Custom(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(16, 16)
        self.w = nn.Parameter(torch.randn(16, 16))

    def forward(self, x: torch.Tensor) -> Any:
        return Square.apply(self.stem(x), self.w)  # type: ignore[no-untyped-call]


def counted(net: nn.Module, x: torch.Tensor) -> tuple[int, int]:
    """MACs of the forward and of the backward, as torch counts them while both run."""
    net = net.train()
    with sdpa_kernel(SDPBackend.MATH):
        with FlopCounterMode(display=False) as forward:
            out = net(x)
        with FlopCounterMode(display=False) as backward:
            if out.requires_grad:
                out.sum().backward()
    return forward.get_total_flops() // 2, backward.get_total_flops() // 2


RUNS = {
    "plain": lambda part, x: part(x),
    "not reentrant": lambda part, x: checkpoint(part, x, use_reentrant=False),
    "reentrant": lambda part, x: checkpoint(part, x, use_reentrant=True),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_a_checkpoint_computes_again_is_counted(name: str) -> None:
    totals = archlab.flops(archlab.load(Stack(RUNS[name]), input=(8, 32)), mode="train").totals
    assert (totals.macs, totals.backward_macs) == counted(Stack(RUNS[name]), torch.randn(8, 32))
    # Both products of a block, or the first alone: torch stops where nothing else is needed.
    again = {"plain": 0, "not reentrant": 2, "reentrant": None}[name]
    if again is not None:
        assert totals.recomputed_macs == again * 8 * 32 * 64


def test_a_custom_function_counts_what_its_backward_runs() -> None:
    result = archlab.flops(archlab.load(Custom(), input=(8, 16)), mode="train")
    assert (result.macs, result.backward_macs) == counted(Custom(), torch.randn(8, 16))
    assert result.status == "complete"


def test_a_backward_that_does_not_run_is_missing() -> None:
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
            raise ValueError("no kernel here")

    class Net(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            return Fails.apply(super().forward(x))  # type: ignore[no-untyped-call]

    result = archlab.flops(archlab.load(Net(4, 4), input=(2, 4)), mode="train")
    assert result.status == "partial"
    assert "the backward pass of FailsBackward" in str(result)
    assert "no kernel here" in str(result)


def test_convolutions_that_run_again_count_each_gradient() -> None:
    def net() -> nn.Module:
        convolution = nn.Conv2d(3, 4, 3)

        class Twice(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
                ctx.save_for_backward(x)
                return convolution(x)  # type: ignore[no-any-return]

            @staticmethod
            def backward(ctx: Any, grad: torch.Tensor) -> Any:
                with torch.enable_grad():
                    x = ctx.saved_tensors[0].detach().requires_grad_()
                    out = convolution(x)
                return torch.autograd.grad(out, x, grad)[0]

        class Net(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.stem, self.convolution = nn.Conv2d(3, 3, 1), convolution

            def forward(self, x: torch.Tensor) -> Any:
                return Twice.apply(self.stem(x))  # type: ignore[no-untyped-call]

        return Net()

    totals = archlab.flops(archlab.load(net(), input="3x8x8"), mode="train").totals
    # The 3x3 again, and its input's gradient; of the 1x1, its weight's gradient.
    assert totals.backward_macs == 2 * 36 * 4 * 27 + 64 * 9


def test_only_functions_of_users_are_custom() -> None:
    x = torch.ones(2, 16, requires_grad=True)
    assert custom_functions(autograd_nodes([(x * 2).relu()])) == []
    assert [type(node).__name__ for node in custom_functions(autograd_nodes([Custom()(x)]))] == [
        "SquareBackward"
    ]


def test_the_gradients_of_the_model_are_left_alone() -> None:
    net = Stack(RUNS["reentrant"])
    net.stem.weight.grad = torch.ones(32, 32)
    archlab.flops(archlab.load(net, input=(8, 32)), mode="train")
    assert net.stem.weight.grad.sum() == 32 * 32
    assert net.head.weight.grad is None


class Two(nn.Module):
    """Two linear layers, and a function of them and the input."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 4), nn.Linear(4, 4)
        self.table = nn.Embedding(4, 3)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def unused(net: Two, x: torch.Tensor) -> torch.Tensor:
    x = net.a(x)
    net.b(x)
    return x


def written(net: Two, x: torch.Tensor) -> torch.Tensor:
    y = net.b(net.a(x))
    y[:, :2] = 0
    return y


def attended(x: torch.Tensor) -> torch.Tensor:
    return scaled_dot_product_attention(x[None], x[None], x[None])[0]


def frozen(net: Two, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return net.a(x)


FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "all": lambda net, x: net.b(net.a(x)),
    "indices": lambda net, x: net.table(net.a(x).argmax(-1)),
    "detach": lambda net, x: net.b(net.a(x).detach()),
    "detached factor": lambda net, x: net.a(x) * net.b(net.a(x)).detach(),
    "unused": unused,
    "written": written,
    "in place": lambda net, x: net.b(net.a(x).relu_()).relu_(),
    "behind a reentrant checkpoint": lambda net, x: checkpoint(net.b, net.a(x), use_reentrant=True),
    "without gradients in a checkpoint": lambda net, x: checkpoint(
        lambda x: net.b(net.a(x)) * frozen(net, x), x, use_reentrant=False
    ),
    "before indices in a reentrant checkpoint": lambda net, x: checkpoint(
        lambda x: net.table(x.argmax(-1)), net.b(net.a(x)), use_reentrant=True
    ),
    "attention before indices in a reentrant checkpoint": lambda net, x: checkpoint(
        lambda x: net.table(x.argmax(-1)), attended(net.a(x)), use_reentrant=True
    ),
    "attention in a reentrant checkpoint, before indices in another": lambda net, x: checkpoint(
        lambda x: checkpoint(
            lambda x: net.table(x.argmax(-1)), attended(net.b(x)), use_reentrant=True
        ),
        net.a(x),
        use_reentrant=True,
    ),
    "in a reentrant checkpoint": lambda net, x: net.b(checkpoint(net.a, x, use_reentrant=True)),
}


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_layer_whose_gradient_nobody_asks_for_has_no_backward(name: str) -> None:
    net, x = Two(FUNCTIONS[name]), torch.randn(5, 6)
    cost = archlab.flops(archlab.load(net, input=x), mode="train")
    assert cost.status == "complete"
    assert (cost.totals.macs, cost.totals.backward_macs) == counted(net, x)


class Hooked(nn.Module):
    """Two linear layers, and a hook that multiplies the gradient between them."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.register_buffer("turn", torch.eye(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.a(x)
        if y.requires_grad:
            y.register_hook(lambda gradient: gradient @ self.turn)
        return self.b(y)  # type: ignore[no-any-return]


class Equilibrium(nn.Module):
    """A deep equilibrium model (Bai et al. 2019): its hook goes back through one step twice."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            start = self.step(x)
        out = torch.tanh(self.step(start))
        again = start.clone().requires_grad_()
        inside = torch.tanh(self.step(again))
        if out.requires_grad:

            def solve(gradient: torch.Tensor) -> torch.Tensor:
                for _ in range(2):
                    (gradient,) = torch.autograd.grad(inside, again, gradient, retain_graph=True)
                return gradient

            out.register_hook(solve)
        return out


@pytest.mark.parametrize("make", [Hooked, Equilibrium])
def test_what_a_hook_of_a_tensor_computes_is_counted(make: Callable[[], nn.Module]) -> None:
    net, x = make(), torch.randn(3, 8)
    cost = archlab.flops(archlab.load(net, input=x), mode="train")
    assert cost.status == "complete"
    assert (cost.totals.macs, cost.totals.backward_macs) == counted(net, x)
    assert cost.totals.recomputed_macs
