"""Shapes through module calls, and the ladder of map sizes."""

import torch
from torch import nn

import archlab
from archlab.analyze.shapes import shapes
from archlab.ir.graph import ModuleCall


def test_rows_are_module_calls_in_call_order(build) -> None:
    x = build.input(1, 3, 8, 8)
    y = build.conv(x, 4, kernel=3, stride=2, path="stem.conv")
    z = build.same("activation", y, path="stem.act")
    build.calls = [
        ModuleCall("stem.conv", 0, 0, 1, (x,), (y,)),
        ModuleCall("stem.act", 0, 1, 2, (y,), (z,)),
        ModuleCall("stem", 0, 0, 2, (x,), (z,)),
        ModuleCall("", 0, 0, 2, (x,), (z,)),
    ]
    result = shapes(build.graph(z))
    assert [(row.path, row.input_shape, row.output_shape) for row in result.rows] == [
        ("", "1x3x8x8", "1x4x4x4"),
        ("stem", "1x3x8x8", "1x4x4x4"),
        ("stem.conv", "1x3x8x8", "1x4x4x4"),
        ("stem.act", "1x4x4x4", "1x4x4x4"),
    ]
    assert result.rows[0].elements == 64
    assert (result.totals.nodes, result.totals.calls, result.totals.downsampling) == (2, 4, 2.0)


def test_the_ladder_counts_innermost_calls(build) -> None:
    x = build.input(1, 3, 8, 8)
    calls = []
    for path, stride in (("a", 1), ("b", 1), ("c", 2)):
        first = len(build.nodes)
        y = build.conv(x, 3, kernel=3, stride=stride, path=path)
        calls.append(ModuleCall(path, 0, first, first + 1, (x,), (y,)))
        x = y
    build.calls = [*calls, ModuleCall("", 0, 0, 3, (0,), (x,))]
    result = shapes(build.graph(x))
    assert result.to_dict()["ladder"] == [
        {"size": [8, 8], "from": "a", "to": "b", "modules": 2},
        {"size": [4, 4], "from": "c", "to": "c", "modules": 1},
    ]
    assert result.footer == ("ladder (module calls at each size): 8×8 (2) → 4×4 (1)",)


def test_no_map_no_ladder(build) -> None:
    x = build.input(2, 6)
    y = build.linear(x, 4, path="fc")
    build.calls = [ModuleCall("fc", 0, 0, 1, (x,), (y,))]
    result = shapes(build.graph())
    assert (result.totals.downsampling, result.footer) == (None, ())


def test_resnet18_ladder_is_the_papers_table_1() -> None:
    """He et al. 2015, table 1: conv1 112, conv2_x 56, 28, 14, 7, then 1 after the pool."""
    ladder = archlab.shapes("resnet18").to_dict()["ladder"]
    assert [step["size"] for step in ladder] == [[s, s] for s in (112, 56, 28, 14, 7, 1)]


class Mixed(nn.Module):
    """Token ids in, a mask and features out; the layer is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.layer = nn.Embedding(10, 8), nn.Linear(8, 8)

    def forward(self, ids):
        x = self.layer(self.layer(self.embed(ids)))
        return x, ids > 0


def test_dtypes_and_repeated_calls() -> None:
    result = archlab.shapes(archlab.load(Mixed(), input="2x5:int64"))
    rows = [(row.path, row.call, row.input_shape, row.output_shape, row.dtype)
            for row in result.rows]  # fmt: skip
    assert rows == [
        ("", 0, "2x5", "2x5x8, 2x5", "float32, bool"),
        ("embed", 0, "2x5", "2x5x8", "float32"),
        ("layer", 0, "2x5x8", "2x5x8", "float32"),
        ("layer", 1, "2x5x8", "2x5x8", "float32"),
    ]


def test_many_outputs_are_shortened() -> None:
    class Split(nn.Module):
        def forward(self, x):
            return torch.unbind(x)

    row = archlab.shapes(archlab.load(Split(), input=(5, 2))).rows[0]
    assert row.output_shape == "2, 2, 2, +2"
    assert row.elements == 10
