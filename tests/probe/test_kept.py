"""Bytes kept for the backward pass, against formulas by hand, and against what a hook sees."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.checkpoint import checkpoint

import archlab
from archlab.probe.autograd import backward_pass

BATCH, FLOAT = 3, 4  # samples, bytes


def kept(net: nn.Module, x: torch.Tensor) -> list[tuple[str, int | None]]:
    """Return the functions of a backward pass with what they keep, in its order."""
    found = backward_pass(net, (x,), {}, "net")
    return [(node.op.removeprefix("autograd."), found.kept[node.id]) for node in found.graph.nodes]


def seen_by_hooks(net: nn.Module, *inputs: torch.Tensor) -> int:
    """Return the bytes of all storages that a forward saves, but parameters and buffers."""
    storages = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        output = net(*inputs)
    own = {each.untyped_storage().data_ptr() for each in (*net.parameters(), *net.buffers())}
    del output
    return sum(size for key, size in storages.items() if key not in own)


def test_two_layers_by_hand() -> None:
    """A layer keeps its input, a ReLU its output; the second layer's input is that output."""
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.ones(BATCH, 4)
    assert kept(net, x) == [
        ("Addmm", 0), ("Relu", BATCH * 8 * FLOAT), ("Addmm", BATCH * 4 * FLOAT),
    ]  # fmt: skip
    assert seen_by_hooks(net, x) == BATCH * (8 + 4) * FLOAT


def test_a_function_that_keeps_its_input_and_one_behind_it_by_hand() -> None:
    """GELU keeps its input, so the second layer's input is a storage of its own."""
    net = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2), nn.Softmax(-1))
    x = torch.ones(BATCH, 4)
    assert kept(net, x) == [
        ("Softmax", BATCH * 2 * FLOAT), ("Addmm", BATCH * 8 * FLOAT), ("Gelu", BATCH * 8 * FLOAT),
        ("Addmm", BATCH * 4 * FLOAT),
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize(
    "name", ["resnet20", "torchvision:mobilenet_v3_small", "torchvision:swin_t"]
)
def test_the_sum_is_what_a_hook_sees_and_what_archlab_memory_says(name, mode) -> None:
    model = archlab.load(name, batch=2)
    module, (args, kwargs) = model.runnable(mode)
    found = backward_pass(module, args, kwargs, name)
    assert None not in found.kept.values()
    functions = sum(found.kept.values())
    assert functions == seen_by_hooks(module, *args)
    drawn = archlab.render_backward(model, mode=mode).drawing.heat
    assert (drawn.measure, drawn.total) == ("memory", functions)
    if mode == "train":
        assert functions == archlab.memory(model).totals.saved_for_backward


class Doubled(torch.autograd.Function):
    """Keeps one tensor as torch asks, and one on its context."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x * 2)
        ctx.other = x + 1
        return x * 3

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Own(nn.Module):
    def __init__(self, way) -> None:
        super().__init__()
        self.layer, self.way = nn.Linear(4, 4), way

    def forward(self, x):
        return self.way(self.layer(x))


def test_a_function_of_the_users_own_tells_both() -> None:
    size = BATCH * 4 * FLOAT
    assert kept(Own(Doubled.apply), torch.ones(BATCH, 4)) == [
        ("Doubled", 2 * size),
        ("Addmm", size),
    ]


@pytest.mark.parametrize(
    "way",
    [
        lambda x: checkpoint(torch.relu, x, use_reentrant=False),  # computed again
        lambda x: _moved(torch.relu, x),  # kept somewhere else
    ],
)
def test_what_is_not_kept_as_it_is_cannot_be_told(way) -> None:
    assert kept(Own(way), torch.ones(BATCH, 4)) == [("Relu", None), ("Addmm", BATCH * 4 * FLOAT)]


def _moved(function, x):
    with saved_tensors_hooks(lambda tensor: tensor.numpy(force=True).copy(), torch.from_numpy):
        return function(x)


def test_a_number_is_no_memory() -> None:
    net = Own(lambda x: x * 0.5)
    assert kept(net, torch.ones(BATCH, 4)) == [("Mul", 0), ("Addmm", BATCH * 4 * FLOAT)]


def test_a_function_that_names_nothing_cannot_be_told() -> None:
    def written(x):
        copy = x.clone()
        copy[0] = 0
        return copy

    names = dict(kept(Own(written), torch.ones(BATCH, 4)))
    assert names["CopySlices"] is None
    assert names["Clone"] == 0
