"""Every net of the zoo through the whole chain: trace, JSON, analyzers, and a real backward."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

import archlab
from archlab import zoo
from archlab.analyze.memory import memory, saved_storages
from archlab.ir.graph import DTYPE_BYTES
from archlab.ir.kinds import Kind
from archlab.ir.serial import from_dict, to_dict
from archlab.tracer.modules import tensors_in


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Nets of a hundred small layers: threads that wait for a busy core cost seconds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# Families that also work on images of half the side, which are trained in a quarter of the time.
HALF_SIZE = ("resnet", "plain", "cifar_resnet", "cifar_plain")
NAMES = [
    pytest.param(name, marks=pytest.mark.slow if "1202" in name else ()) for name in zoo.names()
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_net_is_traced_and_comes_back_from_json(name: str, mode: str) -> None:
    model = archlab.load(name, batch=2, num_classes=7)
    graph = archlab.trace(model, mode=mode)
    assert graph.build == "built on meta"
    assert graph.failure is None
    assert [graph.shape(tensor) for tensor in graph.inputs] == [(2, *model.module.input_shape)]
    assert {graph.shape(tensor) for tensor in graph.outputs} == {(2, 7)}
    assert Kind.OPAQUE not in {node.kind for node in graph.nodes}
    assert from_dict(json.loads(json.dumps(to_dict(graph)))) == graph
    assert [node.id for node in graph.nodes] == list(range(len(graph.nodes)))
    assert [spec.id for spec in graph.tensors] == list(range(len(graph.tensors)))
    assert {spec.storage for spec in graph.tensors} == set(range(len(graph.storages)))
    assert {node.path for node in graph.nodes} <= set(graph.module)
    # Every tensor is from outside, or made before it is read.
    for node in graph.nodes:
        for tensor in node.inputs:
            made = graph.producer.get(tensor)
            assert graph.tensors[tensor].source if made is None else made.id < node.id


@pytest.mark.parametrize("name", [family.names[0] for family in zoo.ZOO.values()])
def test_every_question_has_a_complete_answer(name: str, analyze: Callable[..., Any]) -> None:
    result = analyze(archlab.trace(name))
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    if analyze is not memory:  # of an eval mode trace alone, what backward keeps is not known
        assert record["status"] == "complete"
    assert record["model"] == name


@pytest.mark.parametrize("name", NAMES)
def test_a_net_is_trained_as_it_was_traced(name: str) -> None:
    net = zoo.build(name).train()
    channels, side, _ = net.input_shape
    if zoo.find(name).family in HALF_SIZE:
        side //= 2
    shape = (2, channels, side, side)
    graph = archlab.trace(archlab.load(name, input=shape), mode="train")
    outputs = list(tensors_in([net(torch.randn(shape))]))
    assert [graph.shape(item) for item in graph.outputs] == [tuple(o.shape) for o in outputs]
    torch.stack([out.square().mean() for out in outputs]).sum().backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        # Through 1,202 plain layers the gradient overflows: what shortcuts are for.
        assert name == "plain1202" or parameter.grad.isfinite().all(), key
    named = {param.name: param.shape for param in graph.params}
    assert named == {key: tuple(item.shape) for key, item in net.state_dict().items()}
    assert sum(size for _, size in saved_storages(graph)) > 0


def test_bytes_of_dtypes_are_torchs() -> None:
    for name, size in DTYPE_BYTES.items():
        assert getattr(torch, name).itemsize == size
