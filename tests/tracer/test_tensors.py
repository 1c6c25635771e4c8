"""Views and in-place writes: which value a node reads, and which tensors share a storage."""

import numpy as np
import pytest
import torch
from tracing import meta, node, traced

from archlab.ir.graph import Graph
from archlab.ir.kinds import Kind, PlaceAttrs


def sources(graph: Graph, tensor: int) -> set[str]:
    """Names of the inputs, parameters and constants that a tensor is computed from."""
    names, pending, visited = set(), [tensor], set()
    while pending:
        item = pending.pop()
        if item in visited:
            continue
        visited.add(item)
        if item in graph.producer:
            pending.extend(graph.producer[item].inputs)
        elif graph.tensors[item].source:
            names.add(graph.tensors[item].name or graph.tensors[item].source)
    return names


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


def test_an_update_says_where_each_value_lies() -> None:
    def forward(x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(2, 3, 6, device=x.device)
        y[:, 1, ::2] = x
        y.view(-1)[4:8] = 1
        return y + 1

    graph = traced(forward, meta(2, 3))
    # An axis each: start, step, size, and the value's own axis. The last write is no box, since it
    # goes from the end of a row to the beginning of the next.
    whole = ((0, 1, 2, 0), (0, 1, 3, 1), (0, 1, 6, 2))
    slices = ((0, 1, 2, 0), (1, 1, 1, -1), (0, 2, 3, 1))
    assert node(graph, "archlab.update", 0).attrs == PlaceAttrs((whole, slices))
    assert node(graph, "archlab.update", 1).attrs == PlaceAttrs((whole, None))


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
