"""Graph and its records: the lookups, the sizes, the text of the inputs. No torch."""

import dataclasses

import pytest

from archlab.ir.graph import (
    DTYPE_BYTES,
    NO_ATTRS,
    Failure,
    Graph,
    Module,
    ModuleCall,
    Node,
    Param,
    TensorSpec,
)
from archlab.ir.kinds import Kind, MatmulAttrs, PermuteAttrs


def small() -> Graph:
    """x -> scale (a module called twice, in place the second time) -> sum of both."""
    tensors = (
        TensorSpec(0, (2, 3), "float32", 0, "input", "x"),
        TensorSpec(1, (3,), "float32", 1, "param", "scale.weight"),
        TensorSpec(2, (2, 3), "float32", 2),
        TensorSpec(3, (2, 3), "float32", 2),
        TensorSpec(4, (2, 3), "float32", 3),
    )
    nodes = (
        Node(0, Kind.ELEMENTWISE, "aten.mul", "scale", (0, 1), (2,)),
        Node(1, Kind.ELEMENTWISE, "aten.mul_", "scale", (2, 1), (3,), call=1, in_place=True),
        Node(2, Kind.ELEMENTWISE, "aten.add", "", (3, 3), (4,)),
    )
    return Graph(
        name="small",
        mode="eval",
        build="built by hand",
        nodes=nodes,
        tensors=tensors,
        storages=(24, 12, 24, 24),
        params=(Param("scale.weight", (3,), "float32", 1),),
        modules=(Module("", "Small"), Module("scale", "Scale")),
        calls=(ModuleCall("scale", 0, 0, 1, (0,), (2,)), ModuleCall("scale", 1, 1, 2, (2,), (3,))),
        inputs=(0,),
        outputs=(4,),
    )


def test_producer_is_the_node_that_made_a_tensor() -> None:
    graph = small()
    assert {tensor: node.id for tensor, node in graph.producer.items()} == {2: 0, 3: 1, 4: 2}


def test_consumers_come_once_and_in_call_order() -> None:
    graph = small()
    read = {tensor: [node.id for node in nodes] for tensor, nodes in graph.consumers.items()}
    assert read == {0: [0], 1: [0, 1], 2: [1], 3: [2]}


def test_executed_is_what_some_node_read() -> None:
    assert small().executed == {0, 1, 2, 3, 4}  # the last is read by whoever called the model


def test_module_finds_a_module_by_path() -> None:
    assert small().module["scale"].type == "Scale"
    assert small().module[""].type == "Small"


def test_shape_is_that_of_the_tensor() -> None:
    assert small().shape(1) == (3,)


def test_lookups_do_not_change_equality() -> None:
    looked, fresh = small(), small()
    assert looked.producer
    assert looked.consumers
    assert looked == fresh


def test_records_are_frozen() -> None:
    graph = small()
    for record, name in ((graph, "name"), (graph.nodes[0], "kind"), (graph.tensors[0], "shape")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, name, "other")


@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        ([("x", (1, 3, 8, 8), "float32")], "1x3x8x8 float32"),
        ([("", (4,), "int64")], "4 int64"),
        ([("t", (), "bool")], "scalar bool"),
        ([("a", (1, 2), "float32"), ("b", (3,), "int64")], "a=1x2 float32, b=3 int64"),
        ([("", (1, 2), "float16"), ("", (3,), "int64")], "1x2 float16, 3 int64"),
        ([], ""),
    ],
)
def test_input_text(inputs: list[tuple[str, tuple[int, ...], str]], text: str) -> None:
    tensors = tuple(
        TensorSpec(i, shape, dtype, i, "input", name)
        for i, (name, shape, dtype) in enumerate(inputs)
    )
    ids = tuple(range(len(inputs)))
    graph = Graph("n", "eval", "by hand", (), tensors, (), (), (), (), ids, ())
    assert graph.input_text() == text


@pytest.mark.parametrize(
    ("shape", "dtype", "numel", "size"),
    [
        ((2, 3), "float32", 6, 24),
        ((), "int64", 1, 8),
        ((0, 5), "float32", 0, 0),
        ((7,), "bool", 7, 7),
        ((2, 2), "bfloat16", 4, 8),
        ((3,), "complex64", 3, 24),
        ((3,), "float4_e2m1fn_x2", 3, 12),  # an unknown dtype counts four bytes
    ],
)
def test_param_sizes(shape: tuple[int, ...], dtype: str, numel: int, size: int) -> None:
    param = Param("p", shape, dtype, 0)
    assert (param.numel, param.nbytes) == (numel, size)
    assert TensorSpec(0, shape, dtype, 0).numel == numel


@pytest.mark.parametrize(
    ("dtype", "floating"),
    [("float32", True), ("bfloat16", True), ("complex64", True), ("int64", False), ("bool", False)],
)
def test_floating_dtypes(dtype: str, floating: bool) -> None:  # noqa: FBT001
    assert TensorSpec(0, (1,), dtype, 0).floating == floating
    assert dtype in DTYPE_BYTES


def test_defaults() -> None:
    node = Node(0, Kind.COPY, "aten.clone", "", (0,), (1,))
    assert (node.attrs, node.call, node.in_place, node.grads) == (NO_ATTRS, 0, False, ())
    param = Param("p", (1,), "float32", 0)
    assert (param.trainable, param.buffer, param.aliases) == (True, False, ())
    assert Failure("a.b", "ValueError").shapes == ()
    assert small().saved is None
    assert small().failure is None


def test_attributes_are_those_of_the_kind() -> None:
    node = Node(0, Kind.PERMUTE, "aten.permute", "", (0,), (1,), PermuteAttrs((1, 0)))
    assert node.attrs_as(PermuteAttrs).order == (1, 0)
    with pytest.raises(AssertionError):
        node.attrs_as(MatmulAttrs)
