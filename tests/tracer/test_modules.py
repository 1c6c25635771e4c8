"""Which module a node runs in; calls, shared weights, and modules made in a forward."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from tracing import Net, graph_of, meta, node, traced

import archlab
from archlab.ir.kinds import Kind


def test_a_module_called_twice_has_two_calls_and_one_parameter() -> None:
    net = Net(lambda self, x: self.layer(self.layer(x)), layer=nn.Linear(4, 4, device="meta"))
    graph = graph_of(net, meta(2, 4))
    products = [item for item in graph.nodes if item.kind == Kind.LINEAR]
    assert [(item.path, item.call) for item in products] == [("layer", 0), ("layer", 1)]
    calls = [item for item in graph.calls if item.path == "layer"]
    assert [item.call for item in calls] == [0, 1]
    assert calls[1].inputs == calls[0].outputs
    assert [param.name for param in graph.params] == ["layer.weight", "layer.bias"]


def test_what_a_module_wrote_through_views_is_in_its_output() -> None:
    def half(_: nn.Module, x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros_like(x)
        y[:, :2] = x[:, :2]
        return y

    graph = graph_of(Net(lambda self, x: self.part(x) + 1, part=Net(half)), meta(2, 4))
    update = node(graph, "archlab.update")
    (call,) = [item for item in graph.calls if item.path == "part"]
    assert update.path == "part"
    assert call.outputs == update.outputs
    assert call.first <= update.id < call.last
    assert graph.nodes[-1].inputs == update.outputs


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


def test_a_call_knows_the_shapes_of_what_it_got_and_gave() -> None:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(2, 4, device=x.device)
        y[:, 1:] = x
        return self.layer(y)  # type: ignore[no-any-return]

    graph = graph_of(Net(forward, layer=nn.ReLU()), meta(2, 3))
    call = next(item for item in graph.calls if item.path == "layer")
    assert [graph.shape(item) for item in (*call.inputs, *call.outputs)] == [(2, 4)] * 2


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


def test_inputs_in_a_nest_are_named_by_their_way() -> None:
    batch = {"image": meta(2, 3), "parts": [meta(3), meta(4)]}
    graph = traced(lambda batch: batch["image"] * 2, batch)
    names = [graph.tensors[tensor].name for tensor in graph.inputs]
    assert [name.partition(".")[2] for name in names] == ["image", "parts.0", "parts.1"]


class Grows(nn.Module):
    """A layer that is made in the first forward, as code without a known width does."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not hasattr(self, "second"):
            self.second = nn.Linear(8, 4)
        return self.second(self.first(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_layer_that_the_forward_makes_is_missing(mode: str) -> None:
    net = Grows()
    result = archlab.params(archlab.load(net, input=(2, 8)), mode=mode)
    assert result.status == "partial"
    assert [gap.what for gap in result.missing] == ["the parameters of Linear"]
    assert not hasattr(net, "second")


def test_inputs_that_stand_without_names_are_numbered() -> None:
    class Several(nn.Module):
        def forward(self, first: torch.Tensor, *rest: torch.Tensor, **_: object) -> torch.Tensor:
            return first + sum(rest)

    x = torch.ones(4, 8)
    graph = archlab.load(Several(), input=(x, x, x)).trace()
    names = [graph.tensors[tensor].name for tensor in graph.inputs]
    assert names == ["first", "rest.0", "rest.1"]
