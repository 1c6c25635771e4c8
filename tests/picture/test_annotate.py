"""Numbers on boxes: sums over what they stand for, worked out by hand."""

import pytest
import torch
from hand_made_graphs import Maker, residual
from torch import nn

import archlab
from archlab.errors import OptionError
from archlab.fold import Wish, fold, levels
from archlab.ir.kinds import FunctionAttrs, Kind, MatmulAttrs
from archlab.picture.annotate import MEASURES, annotated, annotated_levels, params_by_node
from archlab.view.drawing.card import cost, macs_text, params_text, weights

STEM = 8 * 3 * 9 + 8  # weights of a 3×3 from 3 to 8 channels, and a norm's scale
CONV = 8 * 8 * 9 + 8


def by_id(drawing):
    return {box.id: box for box in drawing.boxes}


def test_parameters_and_macs_by_hand() -> None:
    graph = residual(4)
    drawing = annotated(fold(graph), graph)
    boxes = by_id(drawing)
    assert boxes["stem"].amounts.params == STEM
    assert boxes["stem"].amounts.macs == 8 * 3 * 9 * 16 * 16
    assert boxes["layer.0.conv1"].amounts.params == 4 * CONV  # of all four blocks
    (group,) = drawing.groups
    assert group.amounts.params == 8 * CONV
    assert group.amounts.macs == 8 * 8 * 8 * 9 * 16 * 16


@pytest.mark.parametrize("boxes", [4, 6, 60])
def test_folding_loses_no_heat(boxes) -> None:
    graph = residual(7)
    for measure in ("macs", "params", "memory"):
        drawing = annotated(fold(graph, Wish(boxes)), graph, measure)
        total = sum(box.amounts.heat or 0 for box in drawing.boxes)
        assert total == drawing.heat.total > 0
    assert drawing.heat.title == "activation memory"


def test_memory_counts_an_allocation_once() -> None:
    make = Maker()
    x = make.conv(make.input(), "c")
    graph = make.graph([make.relu(x, "r")])
    drawing = annotated(fold(graph), graph, "memory")
    assert by_id(drawing)["c"].amounts.heat == 2 * 4 * 8 * 16 * 16  # two maps of float32


def test_a_receptive_field_is_the_largest_in_the_box() -> None:
    graph = residual(2)
    drawing = annotated(fold(graph), graph, "receptive-field")
    sizes = {box.id: box.amounts.heat for box in drawing.boxes}
    assert sizes["stem"] == 3
    # The box stands for both blocks: 3 + 4 · 2 pixels behind the second.
    assert sizes["layer.0/add"] == 11
    assert sizes["input:x"] is None


def test_an_operator_without_a_rule_is_not_a_zero() -> None:
    make = Maker()
    x = make.node(Kind.OPAQUE, "mystery", "odd", [make.input()], attrs=FunctionAttrs("mystery"))
    make.leaf("odd", "Odd", 0)
    graph = make.graph([make.conv(x, "c")])
    drawing = annotated(fold(graph), graph, "macs")
    assert by_id(drawing)["odd"].amounts.macs is None
    assert by_id(drawing)["odd"].amounts.heat is None


def test_a_weight_belongs_to_the_node_that_uses_it_on_data() -> None:
    make = Maker()
    weight = make.param("fc.weight", (5, 8))
    turned = make.node(Kind.PERMUTE, "t", "fc", [weight], (8, 5))
    x = make.input((1, 8))
    for _ in range(2):  # the same weight twice: counted once
        y = make.node(Kind.LINEAR, "mm", "fc", [x, turned], (1, 5), MatmulAttrs(1, 1, 8, 5))
    assert params_by_node(make.graph([y])) == {1: 40}


def test_a_product_of_weights_alone_counts_where_it_meets_data() -> None:
    """A weight of rank 2 (4 × 2 times 2 × 6), and a row of 6 times it."""

    class LowRank(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Parameter(torch.ones(4, 2)), nn.Parameter(torch.ones(2, 6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(nn.functional.linear(x, self.a @ self.b))

    drawing = archlab.render(archlab.load(LowRank(), input=(1, 6))).drawing
    macs = [box.amounts.macs for box in drawing.boxes if box.nodes]
    assert sum(macs) == 4 * 2 * 6 + 6 * 4
    assert max(macs) == sum(macs)


def test_an_unknown_measure() -> None:
    graph = residual(1)
    with pytest.raises(
        OptionError, match="Allowed: macs, params, memory, receptive-field, gradient"
    ):
        annotated(fold(graph), graph, "mac")
    assert list(MEASURES)[:4] == ["macs", "params", "memory", "receptive-field"]


def test_macs_of_a_module_with_an_unknown_operator_are_a_lower_bound() -> None:
    make = Maker()
    x = make.conv(make.input(), "odd.c")
    x = make.node(Kind.OPAQUE, "mystery", "odd", [x], attrs=FunctionAttrs("mystery"))
    make.leaf("odd", "Odd", 0)
    graph = make.graph([make.conv(x, "c")])
    drawing = annotated(fold(graph, Wish(depth=1)), graph)
    amounts = by_id(drawing)["odd"].amounts
    assert (amounts.macs, amounts.partial) == (8 * 8 * 9 * 16 * 16, True)
    assert "≥ " in macs_text(amounts, 1)
    assert "≥ " not in macs_text(by_id(drawing)["c"].amounts, 1)


def test_levels_have_amounts_and_the_heat_of_every_measure() -> None:
    graph = residual(4)
    found, heats = annotated_levels(levels(graph), graph, {"gradient": {0: 2.0}})
    for key, level in found.levels.items():
        for item in level.drawing.items:
            if item.nodes:
                values = heats[key][item.id]
                assert set(values) == {"macs", "params", "memory", "receptive-field", "gradient"}
                assert values["params"] == item.amounts.params
    stem = heats[found.top]["stem"]
    assert (stem["params"], stem["receptive-field"], stem["gradient"]) == (STEM, 3, 2.0)
    top = found.levels[found.top].drawing
    total = sum(heats[found.top][item.id]["params"] for item in top.boxes if item.nodes)
    assert total == STEM + 8 * CONV


class CalledAgain(nn.Module):
    """One block of 4 × 12 + 12 and 12 × 4 + 4 parameters, called six times, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 4))
        self.head = nn.Linear(4, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(6):
            x = self.block(x)
        return self.head(x)


def test_a_block_that_is_called_again_keeps_all_its_parameters() -> None:
    graph = archlab.trace(archlab.load(CalledAgain(), input=(1, 4)))
    drawing = annotated(fold(graph, Wish()), graph)
    boxes = {box.path: box for box in drawing.boxes if box.amounts.params}
    assert {path: weights(box) for path, box in boxes.items()} == {
        "block.0": "60 params, shared",
        "block.2": "52 params, shared",
        "head": "10 params",
    }
    assert {box.amounts.params for box in boxes.values()} == {60, 52, 10}
    # The row of six says what it has in all: its parameters once, its products six times.
    texts = {group.times: cost(group) for group in drawing.groups}
    assert texts == {6: ["112 params", "576 MACs"]}


def test_blocks_of_their_own_share_the_sum_of_their_parameters() -> None:
    blocks = [nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) for _ in range(5)]
    net = nn.Sequential(*blocks)
    graph = archlab.trace(archlab.load(net, input=(1, 4)))
    drawing = annotated(fold(graph, Wish()), graph)
    assert {weights(box) for box in drawing.boxes if box.amounts.params} == {"20 params"}


def test_a_difference_tells_what_either_model_costs() -> None:
    """4·8 + 8 = 40 weights and 32 MACs, then 4·16 + 16 = 80 and 64; 8·3 + 3 = 27, then 16·3 + 3."""

    def net(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 3))

    models = [archlab.load(net(width), input=(1, 4)) for width in (8, 16)]
    boxes = {box.path: box.amounts for box in archlab.render_diff(*models).drawing.boxes}
    counts = [(each.before.params, each.params) for each in (boxes["0"], boxes["2"])]
    assert counts == [(40, 80), (27, 51)]
    assert (boxes["0"].before.macs, boxes["0"].macs) == (32, 64)
    closed = archlab.render_diff(*models, depth=0).drawing.boxes[1]
    assert params_text(closed.amounts, 1) == "67 → 131 params"
    assert macs_text(closed.amounts, 1) == "56 → 112 MACs"


def test_what_only_one_of_two_models_has_costs_what_it_costs_there() -> None:
    first = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    second = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8))
    models = [archlab.load(net, input=(1, 4)) for net in (first, second)]
    for pair, mark in ((models, "added"), (models[::-1], "removed")):
        box = next(box for box in archlab.render_diff(*pair).drawing.boxes if box.mark)
        assert (box.mark, box.amounts.params, box.amounts.before) == (mark, 72, None)


def test_weights_that_a_block_uses_twice_count_once_in_each_of_its_repeats() -> None:
    """Attention on two inputs: 3·16·16 + 3·16 of the projections, 16·16 + 16 behind: 1,088."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.TransformerDecoder(
                nn.TransformerDecoderLayer(16, 2, 32, batch_first=True), 3
            )

        def forward(self, x, memory):
            return self.layers(x, memory)

    model = archlab.load(Net(), input={"x": "1x5x16", "memory": "1x6x16"})
    groups = {group.path: group for group in archlab.render(model).drawing.groups}
    cross = groups["layers.layers.0.multihead_attn"]
    assert (cross.repeats, cross.amounts.each) == (3, 1088)
    assert cross.amounts.params == 3 * 1088
