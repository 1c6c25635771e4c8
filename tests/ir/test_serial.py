"""Graphs as JSON and back, every kind of attribute record included. No torch."""

import json
from typing import Any

import pytest

from archlab.errors import SpecError
from archlab.ir import kinds
from archlab.ir.graph import Failure, Graph, Module, ModuleCall, Node, Param, TensorSpec
from archlab.ir.kinds import ATTRS, Attrs, Kind
from archlab.ir.serial import SCHEMA, from_dict, to_dict

RECORDS: list[Attrs] = [
    kinds.NoAttrs(),
    kinds.ConvAttrs((3, 3), (2, 1), (1, 0), (1, 2), 4, bias=True),
    kinds.ConvAttrs((2,), (2,), (0,), (1,), 1, bias=False, output_padding=(1,), deformable=True),
    kinds.MatmulAttrs(2, 3, 4, 5),
    kinds.AttentionAttrs(6, 5, 7, 4, 8, causal=True),
    kinds.RecurrentAttrs(7, 2, 5, 3, 4),
    kinds.NormAttrs("layer", batch_stats=False, affine=True, axes=(1, 2)),
    kinds.FunctionAttrs("relu", scalar=True),
    kinds.PoolAttrs("max", (3, 3), (2, 2), (1, 1), (1, 1), ceil_mode=True),
    kinds.PoolAttrs("average", (), (), (), (), adaptive=True),
    kinds.AxesAttrs("sum", (0, 2), keepdim=True),
    kinds.PermuteAttrs((0, 2, 1)),
    kinds.SliceAttrs(1, (0, 3, 6), 2, drop=True),
    kinds.PadAttrs("constant", (0, 3), (0, -1)),
    kinds.ResampleAttrs("linear", align_corners=True),
    kinds.RollAttrs((2, 3), (3, -1)),
    kinds.PlaceAttrs((((0, 1, 2, 0), (3, 1, 1, -1)), None, ())),
    kinds.UnfoldAttrs((2, 3), (3, 3), (1, 1), (0, 1), (1, 2)),
]


def graph_with(attrs: Attrs = RECORDS[0], **changes: Any) -> Graph:
    parts: dict[str, Any] = {
        "name": "net ×2",
        "mode": "train",
        "build": "built by hand",
        "nodes": (
            Node(
                0, Kind.CONV, "aten.convolution", "a.b", (0, 1), (2,), attrs, 1, grads=(False, True)
            ),
            Node(1, Kind.ACTIVATION, "aten.relu_", "", (2,), (3,), in_place=True),
        ),
        "tensors": (
            TensorSpec(0, (1, 3, 8, 8), "float32", 0, "input", "x"),
            TensorSpec(1, (4, 3, 3, 3), "float32", 1, "param", "a.b.weight"),
            TensorSpec(2, (1, 4, 6, 6), "float32", 2),
            TensorSpec(3, (), "int64", 2),
        ),
        "storages": (768, 432, 576),
        "params": (
            Param("a.b.weight", (4, 3, 3, 3), "float32", 1, aliases=("c.weight",)),
            Param("a.mean", (), "int64", 1, trainable=False, buffer=True),
        ),
        "modules": (Module("", "Net"), Module("a", "Block"), Module("a.b", "Conv2d")),
        "calls": (ModuleCall("a.b", 1, 0, 1, (0,), (2,)), ModuleCall("", 0, 0, 2, (), (3,))),
        "inputs": (0,),
        "outputs": (3,),
        "saved": ((0, "a.b"), (2, "")),
    }
    return Graph(**{**parts, **changes})


def there_and_back(graph: Graph) -> Graph:
    return from_dict(json.loads(json.dumps(to_dict(graph))))


@pytest.mark.parametrize("attrs", RECORDS, ids=lambda attrs: type(attrs).__name__)
def test_a_graph_comes_back_equal(attrs: Attrs) -> None:
    graph = graph_with(attrs)
    back = there_and_back(graph)
    assert back == graph
    assert type(back.nodes[0].attrs) is type(attrs)
    assert isinstance(back.nodes[0].kind, Kind)


def test_every_attribute_record_has_a_case() -> None:
    assert {type(attrs) for attrs in RECORDS} == set(ATTRS.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"saved": None},
        {"saved": ()},
        {"failure": Failure("a.b", "ValueError: no\nsecond line", ((1, 3), ()))},
        {"failure": Failure("", "")},
        {"nodes": (), "calls": (), "params": (), "inputs": (), "outputs": ()},
    ],
)
def test_optional_parts_come_back_equal(changes: dict[str, Any]) -> None:
    graph = graph_with(**changes)
    assert there_and_back(graph) == graph


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_comes_back(kind: Kind) -> None:
    graph = graph_with(nodes=(Node(0, kind, "aten.op", "", (), ()),))
    assert there_and_back(graph).nodes[0].kind is kind


def test_tuples_stay_tuples_all_the_way_down() -> None:
    def lists(value: Any) -> bool:
        if isinstance(value, list):
            return True
        if isinstance(value, tuple):
            return any(map(lists, value))
        fields = getattr(value, "__dataclass_fields__", {})
        return any(lists(getattr(value, name)) for name in fields)

    assert not lists(there_and_back(graph_with(RECORDS[1])))


def test_the_record_is_plain_json() -> None:
    record = to_dict(graph_with(RECORDS[1]))
    assert json.loads(json.dumps(record)) == record
    assert record["schema"] == SCHEMA
    assert record["nodes"][0]["kind"] == "conv"
    assert type(record["nodes"][0]["kind"]) is str
    assert record["nodes"][0]["attrs"]["type"] == "ConvAttrs"
    assert record["nodes"][0]["attrs"]["kernel"] == [3, 3]


def test_reading_does_not_change_the_record() -> None:
    record = to_dict(graph_with(RECORDS[1]))
    text = json.dumps(record)
    from_dict(record)
    assert json.dumps(record) == text


@pytest.mark.parametrize("schema", ["archlab.graph/0", "other", None])
def test_another_schema_is_refused(schema: str | None) -> None:
    record = {**to_dict(graph_with()), "schema": schema}
    with pytest.raises(SpecError, match=r"archlab\.graph/1") as caught:
        from_dict(record)
    assert repr(schema) in str(caught.value)


def test_a_record_without_schema_is_refused() -> None:
    with pytest.raises(SpecError, match="None"):
        from_dict({"nodes": []})
