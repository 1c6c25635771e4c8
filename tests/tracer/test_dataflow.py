"""Which node feeds which: in-place writes, views, slices, calls, aliases, inputs and outputs."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

import archlab
from archlab.ir.graph import Graph, Node
from archlab.ir.kinds import Kind, PadAttrs, SliceAttrs
from archlab.tracer.recorder import record


class Net(nn.Module):
    """A forward given as a function."""

    def __init__(self, function: Callable[..., Any], **members: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, member in members.items():
            self.add_module(name, member)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(self, *args, **kwargs)


def graph_of(net: nn.Module, *args: Any, mode: str = "eval", **kwargs: Any) -> Graph:
    graph, error = record(net, args, kwargs, mode=mode, name="net", build="test")
    if error is not None:
        raise error
    return graph


def traced(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Graph:
    return graph_of(Net(lambda _, *a, **k: function(*a, **k)), *args, **kwargs)


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def node(graph: Graph, op: str, which: int = 0) -> Node:
    return [item for item in graph.nodes if item.op in (op, f"aten.{op}")][which]


def sources(graph: Graph, tensor: int) -> set[str]:
    """Names of the inputs, parameters and constants that a tensor is computed from."""
    found, waiting, seen = set(), [tensor], set()
    while waiting:
        item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        if item in graph.producer:
            waiting.extend(graph.producer[item].inputs)
        elif graph.tensors[item].source:
            found.add(graph.tensors[item].name or graph.tensors[item].source)
    return found


def test_an_in_place_operator_makes_a_new_value_in_the_same_storage() -> None:
    graph = traced(lambda x: (x * 2).relu_() + 1, meta(2, 3))
    product, relu, total = graph.nodes
    assert relu.in_place
    assert not product.in_place
    assert relu.inputs == product.outputs
    assert relu.outputs != product.outputs
    assert total.inputs == relu.outputs
    storage = [graph.tensors[item.outputs[0]].storage for item in graph.nodes]
    assert storage[0] == storage[1] != storage[2]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_a_write_through_a_view_reaches_the_whole(device: str) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(2, 4, device=x.device)
        y[:, 1:] = x
        return y * 2

    graph = traced(forward, torch.zeros(2, 3, device=device))
    copy, update, product = node(graph, "copy_"), node(graph, "archlab.update"), graph.nodes[-1]
    assert copy.in_place
    assert update.kind == Kind.SCATTER
    # The zeros stay where nothing was written; torch 2.6 takes a slice of all of them first.
    whole = {node(graph, "zeros").outputs[0]}
    whole |= {item.outputs[0] for item in graph.nodes if set(item.inputs) == whole}
    assert update.inputs[0] in whole
    assert update.inputs[1:] == (copy.outputs[0],)
    assert product.inputs == update.outputs
    assert sources(graph, graph.outputs[0]) == {"args"}


def test_every_write_since_the_last_read_is_joined() -> None:
    def forward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty(4, device=x.device)
        first, second = out[:2], out[2:]
        first.copy_(x)
        second.copy_(y)
        return out + 1

    graph = traced(forward, meta(2), meta(2))
    writes = [node(graph, "copy_", which).outputs[0] for which in (0, 1)]
    assert node(graph, "archlab.update").inputs[1:] == tuple(writes)


def test_a_write_through_a_reshape_is_only_a_reshape() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = x.clone()
        y.view(-1).mul_(2)
        return y + 1

    graph = traced(forward, meta(2, 3))
    update = node(graph, "archlab.update")
    assert (update.kind, update.inputs) == (Kind.RESHAPE, node(graph, "mul_").outputs)


def test_a_view_taken_before_a_write_sees_it() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(2, 3, device=x.device)
        column = y[:, 0]
        y.add_(x)
        return column + 1

    graph = traced(forward, meta(2, 3))
    update = node(graph, "archlab.update")
    assert (update.kind, update.inputs) == (Kind.GATHER, node(graph, "add_").outputs)
    assert sources(graph, graph.outputs[0]) == {"args"}


def test_a_write_elsewhere_in_the_storage_changes_nothing() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(2, 3, device=x.device)
        first, second = y[:, 0], y[:, 1]
        first.add_(x)
        return second + 1

    graph = traced(forward, meta(2))
    assert all(item.op != "archlab.update" for item in graph.nodes)
    assert sources(graph, graph.outputs[0]) == set()


def test_the_last_of_two_whole_writes_counts() -> None:
    def forward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty(2, 3, device=x.device)
        flat = out.view(-1)
        flat.copy_(x)
        flat.copy_(y)
        return out * 1

    graph = traced(forward, meta(6), meta(6))
    assert node(graph, "archlab.update").inputs == node(graph, "copy_", 1).outputs


def test_chunk_split_and_unbind_say_where_their_parts_start() -> None:
    graph = traced(lambda x: x.chunk(3, 1), meta(2, 7))
    assert node(graph, "split").attrs == SliceAttrs(1, (0, 3, 6))
    graph = traced(lambda x: x.split([1, 4, 2], -1), meta(2, 7))
    assert node(graph, "split_with_sizes").attrs == SliceAttrs(1, (0, 1, 5))
    assert [graph.shape(item) for item in graph.outputs] == [(2, 1), (2, 4), (2, 2)]
    graph = traced(lambda x: x.unbind(0), meta(3, 7))
    assert node(graph, "unbind").attrs == SliceAttrs(0, (0, 1, 2), drop=True)


def test_an_option_a_shortcut_is_a_strided_slice_and_zeros() -> None:
    # He et al. 2015, section 3.3 (A): every second position, the new channels zero.
    graph = archlab.trace("resnet20")
    slices = [item for item in graph.nodes if item.kind == Kind.SLICE]
    strided = [item.attrs for item in slices if isinstance(item.attrs, SliceAttrs)]
    halving = [(attrs.axis, attrs.starts) for attrs in strided if attrs.step == 2]
    assert halving == [(2, (0,)), (3, (0,))] * 2
    pads = [item.attrs for item in graph.nodes if item.kind == Kind.PAD]
    assert [attrs.mode for attrs in pads if isinstance(attrs, PadAttrs)] == ["constant"] * 2
    grown = [a.before[1] + a.after[1] for a in pads if isinstance(a, PadAttrs)]
    assert grown == [16, 32]


def test_a_module_called_twice_has_two_calls_and_one_parameter() -> None:
    net = Net(lambda self, x: self.layer(self.layer(x)), layer=nn.Linear(4, 4, device="meta"))
    graph = graph_of(net, meta(2, 4))
    products = [item for item in graph.nodes if item.kind == Kind.LINEAR]
    assert [(item.path, item.call) for item in products] == [("layer", 0), ("layer", 1)]
    calls = [item for item in graph.calls if item.path == "layer"]
    assert [item.call for item in calls] == [0, 1]
    assert calls[1].inputs == calls[0].outputs
    assert [param.name for param in graph.params] == ["layer.weight", "layer.bias"]


def test_tied_weights_are_one_parameter_with_two_names() -> None:
    embedding, head = nn.Embedding(9, 4, device="meta"), nn.Linear(4, 9, bias=False, device="meta")
    head.weight = embedding.weight
    net = Net(lambda self, x: self.head(self.embedding(x)), embedding=embedding, head=head)
    graph = graph_of(net, torch.empty(1, 3, dtype=torch.int64, device="meta"))
    (param,) = graph.params
    assert (param.name, param.aliases) == ("embedding.weight", ("head.weight",))
    assert param.tensor in node(graph, "embedding").inputs
    assert [item.kind for item in graph.nodes if item.path == "head"].count(Kind.LINEAR) == 1


def test_a_module_with_two_names_has_the_path_of_the_first() -> None:
    layer = nn.Linear(4, 4, device="meta")
    net = Net(lambda self, x: self.second(self.first(x)), first=layer, second=layer)
    graph = graph_of(net, meta(2, 4))
    assert [module.path for module in graph.modules] == ["", "first"]
    assert [(item.path, item.call) for item in graph.calls[:2]] == [("first", 0), ("first", 1)]
    assert graph.params[0].aliases == ("second.weight",)


def test_a_module_made_in_the_forward_hangs_below_its_maker() -> None:
    def forward(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = nn.Tanh()(nn.ReLU()(x))
        return result

    graph = graph_of(Net(lambda self, x: self.inner(x), inner=Net(forward)), meta(2))
    assert [item.path for item in graph.nodes] == ["inner.ReLU", "inner.Tanh"]
    assert graph.module["inner.ReLU"].type == "ReLU"


def test_a_forward_that_catches_an_error_finds_its_way_back() -> None:
    def breaks(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
        raise ValueError(str(x.shape))

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        try:
            return self.inner(x)  # type: ignore[no-any-return]
        except ValueError:
            return self.other(x)  # type: ignore[no-any-return]

    graph = graph_of(Net(forward, inner=Net(breaks), other=nn.ReLU()), meta(2))
    assert [item.path for item in graph.nodes] == ["other"]
    assert [item.path for item in graph.calls] == ["other", ""]


def test_keyword_inputs_keep_their_names() -> None:
    class TwoTowers(nn.Module):
        def forward(self, image: torch.Tensor, *, text: torch.Tensor) -> torch.Tensor:
            return image + text

    graph = graph_of(TwoTowers(), meta(2, 3), text=meta(3))
    assert [graph.tensors[item].name for item in graph.inputs] == ["image", "text"]
    assert graph.input_text() == "image=2x3 float32, text=3 float32"
    assert graph.nodes[0].inputs == graph.inputs


class Pair(NamedTuple):
    first: torch.Tensor
    rest: list[torch.Tensor]


@dataclasses.dataclass
class Answer:
    logits: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    loss: float | None = None


@pytest.mark.parametrize(
    "wrap",
    [
        lambda a, b: (a, b),
        lambda a, b: [a, (b,)],
        lambda a, b: {"out": a, "aux": {"deep": [b]}},
        lambda a, b: Pair(a, [b]),
        lambda a, b: Answer(a, (b,)),
        lambda a, b: (Answer(a, ()), None, 3, b),
    ],
    ids=["tuple", "list", "dict", "named tuple", "dataclass", "mixed"],
)
def test_outputs_are_found_in_any_nesting(wrap: Callable[..., Any]) -> None:
    graph = traced(lambda x: wrap(x + 1, x * 2), meta(2))
    assert [graph.producer[item].op for item in graph.outputs] == ["aten.add", "aten.mul"]


def test_views_share_a_storage_and_clones_do_not() -> None:
    def forward(x: torch.Tensor) -> list[torch.Tensor]:
        y = x + 1
        return [y, y.t(), y[0], y.view(6), y.detach(), y.clone(), y.t().contiguous()]

    graph = traced(forward, meta(2, 3))
    storage = [graph.tensors[item].storage for item in graph.outputs]
    assert storage[:5] == storage[:1] * 5
    assert len(set(storage)) == 3
    assert graph.storages[storage[0]] == 6 * 4
    # A detached tensor is the same tensor to the graph.
    assert graph.outputs[0] == graph.outputs[4]


def test_reused_memory_is_another_storage() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        for _ in range(20):
            x = x + 1  # the one before is freed, and its address given out again
        return x

    graph = traced(forward, torch.zeros(64))
    made = [graph.tensors[item.outputs[0]].storage for item in graph.nodes]
    assert len(set(made)) == len(made) == 20


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_constants_made_in_the_forward_are_not_taken_for_freed_tensors(device: str) -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        for step in range(8):
            scale = x.sum() + x.mean()  # scalars, freed at once
            x = x * scale
            x = x + torch.tensor(float(step))
            x = x - torch.from_numpy(np.ones(3, dtype=np.float32)).to(x.device)
        return x

    graph = traced(forward, torch.zeros(3, device=device))
    for op in ("add", "sub"):
        for item in graph.nodes:
            if item.op == f"aten.{op}" and graph.shape(item.outputs[0]) == (3,):
                assert sources(graph, item.inputs[1]) == {"constant"}


def test_a_call_knows_the_shapes_of_what_it_got_and_gave() -> None:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(2, 4, device=x.device)
        y[:, 1:] = x
        return self.layer(y)  # type: ignore[no-any-return]

    graph = graph_of(Net(forward, layer=nn.ReLU()), meta(2, 3))
    call = next(item for item in graph.calls if item.path == "layer")
    assert [graph.shape(item) for item in (*call.inputs, *call.outputs)] == [(2, 4)] * 2


def test_gradients_flow_where_autograd_says() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).to("meta")
    net[0].requires_grad_(requires_grad=False)
    graph = graph_of(net, meta(3, 4), mode="train")
    first, second = [item for item in graph.nodes if item.op == "aten.addmm"]
    assert first.grads == (False, False, False)
    assert second.grads == (True, False, True)
    assert graph_of(net, meta(3, 4)).nodes[0].grads == ()


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_an_output_of_nested_mappings_with_any_keys(mode: str) -> None:
    """Detectors and multi-head nets answer so; keys may be numbers, tuples, anything."""

    def forward(self: Net, x: torch.Tensor) -> Any:
        y = self.conv(x)
        return {0: y, ("scale", 1): {"deep": [y * 2, {None: y + 1}]}, "name": "net", 2.5: None}

    net = Net(forward, conv=nn.Conv2d(3, 4, 3))
    graph = archlab.trace(archlab.load(net, input="3x8x8"), mode=mode)
    assert [graph.shape(item) for item in graph.outputs] == [(1, 4, 6, 6)] * 3
    kinds = [graph.producer[item].op for item in graph.outputs]
    assert kinds == ["aten.convolution", "aten.mul", "aten.add"]
    assert archlab.flops(archlab.load(net, input="3x8x8")).totals.macs == 36 * 4 * 27
    model = archlab.load(net, input="3x8x8")
    assert archlab.gradients(model, seeds=1, batch=2, loss="mse").rows[-1].activation_grad > 0
    assert len(archlab.render(model).drawing.boxes) > 2
