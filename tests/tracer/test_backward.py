"""What the backward pass runs, against torch's counter over a real one."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

import archlab


class Net(nn.Module):
    """Two linear layers, and a function of them and the input."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(6, 4), nn.Linear(4, 4)
        self.table = nn.Embedding(4, 3)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def unused(net: Net, x: torch.Tensor) -> torch.Tensor:
    x = net.a(x)
    net.b(x)
    return x


def written(net: Net, x: torch.Tensor) -> torch.Tensor:
    y = net.b(net.a(x))
    y[:, :2] = 0
    return y


def frozen(net: Net, x: torch.Tensor) -> torch.Tensor:
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
    "in a reentrant checkpoint": lambda net, x: net.b(checkpoint(net.a, x, use_reentrant=True)),
}


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_layer_whose_gradient_nobody_asks_for_has_no_backward(name: str) -> None:
    net, x = Net(FUNCTIONS[name]), torch.randn(5, 6)
    cost = archlab.flops(archlab.load(net, input=x), mode="train")
    with FlopCounterMode(display=False) as counter:
        out = net(x)
        forward = counter.get_total_flops()
        if out.requires_grad:
            out.sum().backward()
    assert cost.status == "complete"
    assert cost.totals.backward_flops == counter.get_total_flops() - forward
