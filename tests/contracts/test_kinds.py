"""Every kind of node through every analyzer, on graphs of one node made by hand. No torch."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from archlab.analyze.costs import ACTIVATIONS, FVCORE, MACS, OTHER, backward_macs
from archlab.analyze.flops import flops
from archlab.analyze.memory import memory
from archlab.analyze.params import params
from archlab.analyze.summary import summary
from archlab.ir import kinds
from archlab.ir.graph import Graph, Module, ModuleCall, Node, Param, TensorSpec
from archlab.ir.kinds import Attrs, Kind
from archlab.ir.serial import from_dict, to_dict
from archlab.result import Result, Status

COUNTING = {"flops": flops, "params": params, "summary": summary}
NAMES = {"find_bottlenecks": "bottleneck"}  # function -> question, where they differ
IMAGE, SMALL, TOKENS = (2, 4, 8, 8), (2, 4, 4, 4), (2, 6, 12)
HEADS = (2, 3, 5, 4)

# Kind -> shapes in, shape out, attributes, multiply-adds worked out by hand.
EXAMPLES: dict[Kind, tuple[list[tuple[int, ...]], tuple[int, ...], Attrs, int]] = {
    Kind.CONV: (
        [IMAGE, (6, 2, 3, 3)],
        (2, 6, 6, 6),
        kinds.ConvAttrs((3, 3), (1, 1), (0, 0), (1, 1), 2, bias=False),
        2 * 6 * 36 * 2 * 9,  # outputs × channels of a group × kernel
    ),
    Kind.CONV_TRANSPOSE: (
        [SMALL, (4, 6, 2, 2)],
        (2, 6, 8, 8),
        kinds.ConvAttrs((2, 2), (2, 2), (0, 0), (1, 1), 1, bias=False, output_padding=(0, 0)),
        2 * 4 * 16 * 6 * 4,  # inputs × channels out × kernel
    ),
    Kind.LINEAR: ([(2, 12), (12, 5)], (2, 5), kinds.MatmulAttrs(1, 2, 12, 5), 2 * 12 * 5),
    Kind.MATMUL: ([TOKENS, (2, 12, 6)], (2, 6, 6), kinds.MatmulAttrs(2, 6, 12, 6), 2 * 6 * 12 * 6),
    Kind.ATTENTION: (
        [HEADS, HEADS, HEADS],
        HEADS,
        kinds.AttentionAttrs(6, 5, 5, 4, 4),
        2 * 6 * 5 * 5 * 4,  # q·kᵀ and the product with v
    ),
    Kind.RECURRENT: (
        [(7, 2, 5)],
        (7, 2, 3),
        kinds.RecurrentAttrs(7, 2, 5, 3, 4),
        7 * 2 * 4 * 3 * (5 + 3),
    ),
    Kind.NORM: ([IMAGE], IMAGE, kinds.NormAttrs("batch", batch_stats=True, affine=True), 0),
    Kind.ACTIVATION: ([IMAGE], IMAGE, kinds.FunctionAttrs("relu", scalar=True), 0),
    Kind.SOFTMAX: ([TOKENS], TOKENS, kinds.AxesAttrs("softmax", (2,)), 0),
    Kind.POOL: ([IMAGE], SMALL, kinds.PoolAttrs("max", (2, 2), (2, 2), (0, 0), (1, 1)), 0),
    Kind.ELEMENTWISE: ([IMAGE, IMAGE], IMAGE, kinds.FunctionAttrs("add"), 0),
    Kind.REDUCE: ([IMAGE], (2, 4), kinds.AxesAttrs("sum", (2, 3)), 0),
    Kind.CONCAT: ([SMALL, SMALL], (2, 8, 4, 4), kinds.AxesAttrs("cat", (1,)), 0),
    Kind.RESHAPE: ([IMAGE], (2, 256), kinds.FunctionAttrs("view", scalar=True), 0),
    Kind.PERMUTE: ([TOKENS], (2, 12, 6), kinds.PermuteAttrs((0, 2, 1)), 0),
    Kind.SLICE: ([IMAGE], SMALL, kinds.SliceAttrs(2, (0,), 2), 0),
    Kind.PAD: ([SMALL], IMAGE, kinds.PadAttrs("constant", (0, 0, 2, 2), (0, 0, 2, 2)), 0),
    Kind.RESAMPLE: ([SMALL], IMAGE, kinds.ResampleAttrs("linear"), 0),
    Kind.GATHER: ([IMAGE], IMAGE, kinds.RollAttrs((2, 3), (1, 1)), 0),
    Kind.SCATTER: ([IMAGE, SMALL], IMAGE, kinds.FunctionAttrs("index_put"), 0),
    Kind.CREATE: ([], IMAGE, kinds.FunctionAttrs("zeros", scalar=True), 0),
    Kind.COPY: ([IMAGE], IMAGE, kinds.FunctionAttrs("clone", scalar=True), 0),
    Kind.OPAQUE: ([IMAGE], IMAGE, kinds.FunctionAttrs("mystery", scalar=True), 0),
}


def one_node(kind: Kind, mode: str = "eval") -> Graph:
    shapes, out, attrs, _ = EXAMPLES[kind]
    specs = [TensorSpec(i, shape, "float32", i, "input", f"x{i}") for i, shape in enumerate(shapes)]
    last = len(specs)
    specs.append(TensorSpec(last, out, "float32", last))
    inputs = tuple(range(last))
    train = mode == "train"
    grads = (True,) * last if train else ()
    return Graph(
        name=f"one {kind}",
        mode=mode,
        build="by hand",
        nodes=(Node(0, kind, f"aten.{kind}_op", "layer", inputs, (last,), attrs, grads=grads),),
        tensors=tuple(specs),
        storages=tuple(4 * spec.numel for spec in specs),
        params=(Param("layer.weight", (3, 5), "float32", 0),) if last else (),
        modules=(Module("", "Net"), Module("layer", "Layer")),
        calls=(
            ModuleCall("layer", 0, 0, 1, inputs, (last,)),
            ModuleCall("", 0, 0, 1, inputs, (last,)),
        ),
        inputs=inputs,
        outputs=(last,),
        saved=((0, "layer"),) if train else None,
    )


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(Kind)


TABLES = {"MACS": MACS, "OTHER": OTHER, "FVCORE": FVCORE, "ACTIVATIONS": ACTIVATIONS}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_no_kind_is_silently_without_rule(table: dict[Kind, Any]) -> None:
    assert set(table) == set(Kind) - {Kind.OPAQUE}


@pytest.mark.parametrize("kind", Kind)
def test_multiply_adds_are_those_worked_out_by_hand(kind: Kind) -> None:
    assert flops(one_node(kind)).totals.macs == EXAMPLES[kind][3]


@pytest.mark.parametrize("kind", sorted(MACS))
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_every_rule_gives_a_whole_number(kind: Kind, mode: str) -> None:
    graph = one_node(kind, mode)
    node = graph.nodes[0]
    counts = [table[kind](graph, node) for table in TABLES.values()]
    counts.append(backward_macs(graph, node))
    assert all(type(count) is int and count >= 0 for count in counts)
    if mode == "eval":
        assert counts[-1] == 0


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_an_analyzer_takes_every_kind(
    analyze: Callable[[Graph], Result[Any, Any]], kind: Kind, mode: str
) -> None:
    graph = one_node(kind, mode)
    result = analyze(graph)
    assert isinstance(result, Result)
    assert result.name == NAMES.get(analyze.__name__, analyze.__name__)
    assert result.header.mode == mode
    assert graph == one_node(kind, mode)  # an analyzer changes nothing …
    assert analyze(graph) == result  # … and says the same twice


@pytest.mark.parametrize("kind", Kind)
def test_a_result_is_a_table_and_a_record(
    analyze: Callable[[Graph], Result[Any, Any]], kind: Kind
) -> None:
    result = analyze(one_node(kind))
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert json.loads(text)["schema"] == f"archlab.{result.name}/1"
    table = result.table()
    assert {column.name for column in table.columns} <= {
        key for row in table.rows for key in row
    } | (set() if table.rows else {column.name for column in table.columns})
    assert str(result).strip()


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.parametrize("kind", Kind)
def test_what_is_not_counted_is_named(name: str, kind: Kind) -> None:
    result = COUNTING[name](one_node(kind))
    if kind == Kind.OPAQUE:
        assert result.status == Status.PARTIAL
        (missing,) = result.missing
        assert (missing.what, missing.count, missing.path) == ("aten.opaque_op", 1, "layer")
        assert "aten.opaque_op" in str(result)
    else:
        assert result.status == Status.COMPLETE
        assert result.missing == ()


@pytest.mark.parametrize("kind", Kind)
def test_bytes_need_no_rule(kind: Kind) -> None:
    graph = one_node(kind, "train")
    result = memory(one_node(kind), graph)
    out = graph.tensors[-1]
    assert result.totals.activations == 4 * out.numel
    assert result.status == Status.COMPLETE


def test_an_analyzer_takes_an_empty_graph(analyze: Callable[[Graph], Result[Any, Any]]) -> None:
    graph = Graph("none", "eval", "by hand", (), (), (), (), (Module("", "Net"),), (), (), ())
    assert analyze(graph).to_dict()["status"] in ("complete", "partial")


@pytest.mark.parametrize("kind", Kind)
def test_every_example_is_kept_by_json(kind: Kind) -> None:
    graph = one_node(kind, "train")
    assert from_dict(json.loads(json.dumps(to_dict(graph)))) == graph


def test_every_kind_has_a_receptive_field_rule() -> None:
    from archlab.analyze.field.sight.rules import RULES

    assert set(RULES) == set(Kind)
