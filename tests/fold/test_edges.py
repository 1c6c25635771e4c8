"""Edges between boxes: once for a folded row, with the shapes that are worth writing."""

import pytest
import torch
from hand_made_graphs import Maker, dense, inception, residual, u_net
from torch import nn

import archlab
from archlab.fold import Shape, Wish, fold
from archlab.ir.kinds import Kind, MatmulAttrs


def test_branches_stand_side_by_side_with_their_names(edge_roles) -> None:
    drawing = fold(inception())
    assert [group.path for group in drawing.groups] == [
        "mix", "mix.b1", "mix.b2", "mix.b3", "mix.b4",
    ]  # fmt: skip
    into = [head for (tail, head) in edge_roles(drawing) if tail == "stem"]
    assert into == ["mix.b1", "mix.b2.0", "mix.b3.0", "mix.b4.0"]
    concat = next(box for box in drawing.boxes if box.shape == Shape.CONCAT)
    assert sum(head == concat.id for _, head in edge_roles(drawing)) == 4


def test_dense_layers_are_one_row_that_reads_all_before(edge_roles) -> None:
    drawing = fold(dense(5, growth=4))
    row = next(group for group in drawing.groups if group.times > 1)
    assert (row.path, row.times) == ("dense.layer0", 5)
    assert row.note == "8 … 24 ch in, +4 each"
    assert edge_roles(drawing)["dense.layer0.conv", "dense.layer0/cat"] == "repeat"
    assert edge_roles(drawing)["stem", "dense/cat"] == "skip"
    assert len(drawing.edges) == 8


def test_a_skip_joins_by_concatenation(edge_roles) -> None:
    assert edge_roles(fold(u_net()))["down", "/cat"] == "skip"


def test_the_input_box_has_the_inputs_own_shape() -> None:
    make = Maker()
    x = make.input((1, 8, 9, 9))
    x = make.node(Kind.PAD, "reflection_pad2d", "", [x], (1, 8, 11, 11))
    drawing = fold(make.graph([make.conv(x, "c")]))
    assert drawing.edges[0].shape == (8, 9, 9)


def test_a_size_is_written_where_a_map_shrinks_in_a_box_of_several_steps() -> None:
    make = Maker()
    x = make.relu(make.conv(make.input((1, 8, 16, 16)), "a", stride=2), "r")
    x = make.relu(make.conv(x, "b"), "s")
    edges = fold(make.graph([x])).edges
    written = [(edge.tail, edge.shape) for edge in edges if edge.changed]
    assert written == [("input:x", (8, 16, 16)), ("a", (8, 8, 8))]


def test_tokens_flattened_into_a_batch_are_written_as_they_were() -> None:
    make = Maker()
    x = make.node(Kind.GATHER, "embedding", "emb", [make.input((2, 5)), make.param("e", (9, 4))],
                  (2, 5, 4))  # fmt: skip
    flat = make.node(Kind.RESHAPE, "view", "fc", [x], (10, 4))
    y = make.node(
        Kind.LINEAR, "mm", "fc", [flat, make.param("w", (4, 3))], (10, 3), MatmulAttrs(1, 10, 4, 3)
    )
    edges = fold(make.graph([make.node(Kind.RESHAPE, "view", "fc", [y], (2, 5, 3))])).edges
    assert [edge.shape for edge in edges] == [(5,), (5, 4), (5, 3)]


def test_branches_know_their_place_among_those_that_read_the_same() -> None:
    places = {group.path: (group.branch, group.branches) for group in fold(inception()).groups}
    assert places == {
        "mix": (0, 0), "mix.b1": (1, 4), "mix.b2": (2, 4), "mix.b3": (3, 4), "mix.b4": (4, 4),
    }  # fmt: skip


def test_a_shortcut_within_a_closed_module_is_not_drawn(edge_roles) -> None:
    assert edge_roles(fold(residual(3), Wish(depth=1))) == {
        ("input:x", "stem"): "main", ("stem", "layer"): "main", ("layer", "output"): "main",
    }  # fmt: skip


def test_a_shortcut_that_is_all_a_closed_module_reads_is_its_main_path(edge_roles) -> None:
    make = Maker()
    x = make.conv(make.input(), "stem")
    y = make.conv(make.relu(make.conv(x, "one"), "relu"), "two")
    start = len(make.nodes)
    way = make.pool(make.conv(x, "way.conv", kernel=1), "way.pool", size=1)
    make.leaf("way", "Way", start)
    roles = edge_roles(fold(make.graph([make.add(y, way, "")]), Wish(depth=1)))
    assert (roles["stem", "way"], roles["way", "/add"]) == ("main", "projection")


class Tokens(nn.Module):
    """Modules whose results are sliced, flattened and transposed before the next one reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 8, 4, 4)
        self.recurrent = nn.LSTM(8, 6, batch_first=True, bidirectional=True)
        self.middle, self.head = nn.Linear(12, 5), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = self.middle(self.recurrent(x)[0])
        return self.head(torch.relu(x[:, -1]))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_shape_is_that_which_leaves_its_box(batch: int) -> None:
    net, shapes = Tokens().eval(), {}

    def note(module: nn.Module, _: object, output: object) -> None:
        first = output[0] if isinstance(output, tuple) else output
        shapes[paths[module]] = tuple(first.shape[1:])

    paths = {module: path for path, module in net.named_modules()}
    for module in net.children():
        module.register_forward_hook(note)
    net(torch.zeros(batch, 3, 16, 16))
    graph = archlab.trace(archlab.load(Tokens(), input=(batch, 3, 16, 16)))
    drawing = fold(graph, Wish())
    boxes = {box.id: box.path for box in drawing.boxes}
    leaving = {boxes[edge.tail]: edge.shape for edge in drawing.edges if boxes[edge.tail] in shapes}
    assert leaving == shapes == {
        "patch": (8, 4, 4), "recurrent": (16, 12), "middle": (16, 5), "head": (2,),
    }  # fmt: skip


def test_a_sample_without_a_batch_keeps_its_shape() -> None:
    graph = archlab.trace(archlab.load(nn.Sequential(nn.Linear(32, 5), nn.ReLU()), input="[32]"))
    assert {edge.shape for edge in fold(graph, Wish()).edges} == {(32,), (5,)}


def test_the_output_keeps_a_first_axis_that_is_no_batch() -> None:
    class Boxes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x.flatten(1).unflatten(1, (-1, 4))[0])

    graph = archlab.trace(archlab.load(Boxes(), input=(1, 3, 8)))
    assert [box.note for box in fold(graph, Wish()).boxes if box.id == "output"] == ["6×4"]
