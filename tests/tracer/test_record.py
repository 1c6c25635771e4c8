"""One forward, recorded: what the trace says of what it could not see."""

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from tracing import Net, traced

import archlab


def flops(net: nn.Module, input: Any, mode: str = "eval") -> Any:  # noqa: A002
    return archlab.flops(archlab.load(net, input=input), mode=mode)


INDEPENDENT = {
    "numpy": lambda self, x: self.linear(torch.from_numpy(x.numpy() * 2)),
    "list": lambda self, x: self.linear(torch.tensor(x.tolist())),
    "shape alone": lambda self, x: self.linear(torch.zeros_like(x)),
    "the weight": lambda self, x: self.linear.weight * 2,
}


@pytest.mark.parametrize("name", INDEPENDENT)
def test_an_output_that_does_not_depend_on_the_input_is_not_complete(name: str) -> None:
    result = flops(Net(INDEPENDENT[name], linear=nn.Linear(3, 4)), (2, 3))
    assert result.status == "partial"
    assert "the output does not depend on the input" in str(result)


def test_a_part_that_numpy_computes_is_missing() -> None:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.linear(x)
        return y + torch.from_numpy(np.tanh(y.detach().numpy()))

    result = flops(Net(forward, linear=nn.Linear(3, 4)), (2, 3))
    assert result.macs == 2 * 3 * 4
    assert "what is computed outside torch" in str(result)


def test_numpy_of_what_the_forward_makes_itself_is_complete() -> None:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return x * float(torch.arange(3).numpy().sum())

    assert flops(Net(forward), (2, 3)).status == "complete"


def test_a_part_without_gradient_has_no_backward_pass() -> None:
    """A student and its teacher: the teacher's products have no gradient (48 × 4 and 48 × 8)."""

    def forward(self: Any, x: torch.Tensor) -> Any:
        with torch.no_grad():
            target = self.teacher(x)
        return self.student(x), target

    net = Net(forward, teacher=nn.Linear(6, 8), student=nn.Linear(6, 4))
    totals = flops(net, (8, 6), "train").totals
    assert totals.macs == 8 * 6 * (8 + 4)
    assert totals.backward_macs == 8 * 6 * 4  # of the student's weight; the input wants none


def test_a_generator_is_run_inside_its_module() -> None:
    class Steps(nn.Linear):
        def forward(self, x: torch.Tensor) -> Any:
            for _ in range(3):
                x = super().forward(x)
                yield x

    result = flops(nn.Sequential(Steps(4, 4)), (2, 4))
    assert result.macs == 3 * 2 * 4 * 4
    assert [row.macs for row in result.rows] == [96, 96]
    inner = Net(lambda self, x: next(self.steps(x)) + sum(self.steps(x)), steps=Steps(4, 4))
    assert flops(inner, (2, 4)).macs == 6 * 2 * 4 * 4


def test_a_generator_without_end_is_refused() -> None:
    class Endless(nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            while True:
                yield x

    with pytest.raises(archlab.ArchlabError, match="a generator of 10000 results or more"):
        flops(Endless(), (2, 4))


def test_parameters_of_one_memory_are_read_together() -> None:
    """Two parameters of 20 × 8 in one storage, and a layer of 8 × 8 + 8, in bytes of 4."""
    net = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 8), nn.Linear(8, 20, bias=False))
    net[2].weight.data = net[0].weight.data
    model = archlab.load(net, input="1x5:int64")
    params, memory = archlab.params(model), archlab.memory(model).totals
    assert params.params == sum(p.numel() for p in net.parameters()) == 2 * 160 + 72
    assert (params.unused, params.bytes) == (0, 4 * (160 + 72))
    assert (memory.parameters, memory.gradients) == (4 * (160 + 72), 4 * (2 * 160 + 72))
    assert "of the same memory: 0.weight, 2.weight" in str(params)
    assert sum(row.bytes for row in params.rows if row.path) == params.bytes


def test_weights_in_one_flat_vector_are_read() -> None:
    class Flat(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.flat = nn.Parameter(torch.randn(12 + 4))
            self.parts = (self.flat.data[:12].view(4, 3), self.flat.data[12:])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(x, *self.parts)

    params = archlab.params(archlab.load(Flat(), input=(2, 3)))
    assert (params.params, params.unused, params.macs) == (16, 0, 24)


def test_torch_func_hides_what_backward_keeps() -> None:
    net = Net(lambda self, x: torch.func.grad(lambda y: self.linear(y).pow(2).sum())(x))
    net.linear = nn.Linear(3, 4)
    assert flops(net, (2, 3)).macs == 2 * 3 * 4 * 2  # forward, and the input's gradient
    model = archlab.load(net, input=(2, 3))
    assert "torch.func" in str(archlab.flops(model, mode="train"))
    assert archlab.memory(model).totals.training is None


def test_a_tensor_that_the_forward_writes_has_one_storage() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(4, 8)
        y[:2] = x[:2]
        return y.add_(x) * 2

    graph = traced(forward, torch.empty(4, 8, device="meta"))
    made = {graph.tensors[t].storage for node in graph.nodes for t in node.outputs}
    assert len(made - {graph.tensors[graph.inputs[0]].storage}) == 2  # y, and twice y


class Force(nn.Module):
    """An energy of 3 × 8 + 8 × 1 products a row, and its gradient, which takes as many again."""

    def __init__(self) -> None:
        super().__init__()
        self.energy = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x: torch.Tensor) -> Any:
        x = x.detach().requires_grad_()
        return torch.autograd.grad(self.energy(x).sum(), x, create_graph=self.training)[0]


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_net_whose_result_is_a_gradient(mode: str) -> None:
    assert flops(Force(), (5, 3), mode).macs == 2 * 5 * (3 * 8 + 8)


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_what_torch_has_traced_is_one_layer() -> None:
    inside = torch.jit.trace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.ones(2, 4))
    result = flops(nn.Sequential(inside, nn.Linear(4, 2)), (2, 4))
    assert [(row.path, row.macs) for row in result.rows] == [("", 48), ("0", 32), ("1", 16)]
    assert archlab.params(archlab.load(nn.Sequential(inside), input=(2, 4))).params == 20


def test_a_forward_begins_without_what_the_last_one_kept() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.state, self.table = nn.Linear(4, 4), None, {}
            self.register_buffer("seen", torch.zeros(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.linear(x) if self.state is None else self.linear(self.linear(x))
            self.state, self.table["x"], self.seen = x, x, x[0]
            return x

    model = archlab.load(Keeps(), input=(2, 4))
    assert archlab.flops(model).macs == archlab.flops(model, mode="train").macs == 2 * 4 * 4


DRAWS = {
    "torch": lambda: bool(torch.rand(()) < 0.5),
    "list": lambda: bool(torch.randint(2, (3,)).tolist()[0]),
    "python": lambda: random.random() < 0.5,
    "numpy": lambda: np.random.rand() < 0.5,  # noqa: NPY002  the state that a forward shares
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_branch_on_random_numbers_holds_for_one_draw(name: str) -> None:
    net = Net(lambda self, x: self.linear(x) if DRAWS[name]() else x * 2, linear=nn.Linear(4, 4))
    results = [flops(net, (2, 4)) for _ in range(6)]
    assert len({result.macs for result in results}) == 1
    assert "holds for one draw" in results[0].header.build


def test_random_numbers_that_decide_nothing_are_not_told() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    assert flops(net, (2, 4), "train").header.build == "copied to meta"
