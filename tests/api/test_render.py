"""Drawings of real nets show what the papers say of them."""

import itertools
import json

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import OptionError, TraceError
from archlab.fold import Role, Shape
from archlab.fold.drawing import SHORTCUTS


def rows(name, **options):
    return [
        (group.path, group.times)
        for group in archlab.render(archlab.load(name, **options)).drawing.groups
    ]


def roles(picture):
    return {edge.role for edge in picture.drawing.edges} & SHORTCUTS


def test_resnet56_reads_9_1_8_1_8() -> None:
    """He et al. 2015, section 4.2: 9 units a stage; the first of stages 2 and 3 halves the map."""
    assert rows("resnet56") == [
        ("layer1", 9), ("layer2", 1), ("layer2.0", 1), ("layer2.1", 8),
        ("layer3", 1), ("layer3.0", 1), ("layer3.1", 8),
    ]  # fmt: skip
    assert roles(archlab.render("resnet56")) == {Role.IDENTITY, Role.PAD}


def test_resnet152_reads_3_8_36_3() -> None:
    """He et al. 2015, table 1; the first unit of each stage projects, that of stage 1 too."""
    assert rows("resnet152") == [
        ("layer1", 1), ("layer1.0", 1), ("layer1.1", 2), ("layer2", 1), ("layer2.0", 1),
        ("layer2.1", 7), ("layer3", 1), ("layer3.0", 1), ("layer3.1", 35), ("layer4", 1),
        ("layer4.0", 1), ("layer4.1", 2),
    ]  # fmt: skip
    assert roles(archlab.render("resnet152")) == {Role.IDENTITY, Role.PROJECTION}


def test_a_sum_with_the_models_own_input_is_a_sum() -> None:
    """A residual unit drawn alone: its shortcut starts at the input."""
    drawing = archlab.render(
        archlab.load("archlab.zoo.blocks:ResidualUnit", input="8x8x8", in_channels=8, channels=8)
    ).drawing
    assert [box.title for box in drawing.boxes if box.shape == Shape.SUM] == ["+"]


def test_a_plain_net_has_no_shortcut() -> None:
    assert roles(archlab.render("plain56")) == set()


def test_an_inception_block_shows_its_four_branches() -> None:
    drawing = archlab.render("googlenet").drawing
    assert [group.path for group in drawing.groups] == [
        "inception3a", *(f"inception3a.branch{i}" for i in (1, 2, 3, 4)),
    ]  # fmt: skip
    closed = [box.path for box in drawing.boxes if box.shape == Shape.MODULE]
    assert len(closed) == 8  # the other Inception blocks
    opened = archlab.render("googlenet", expand=["inception4c"]).drawing
    assert "inception4c.branch3" in [group.path for group in opened.groups]


def test_auxiliary_heads_are_marked_as_train_only() -> None:
    drawing = archlab.render(archlab.load("googlenet", batch=2), mode="train").drawing
    marked = [item.path for item in (*drawing.groups, *drawing.boxes) if item.mark == "train only"]
    assert marked == ["aux1", "aux2"]
    picture = archlab.render("googlenet")
    assert "not run in eval mode, so not drawn: aux1, aux2" in str(picture)


def test_what_is_drawn_adds_up_to_the_model() -> None:
    drawing = archlab.render("resnet50", color_by="macs").drawing
    assert sum(box.amounts.macs or 0 for box in drawing.boxes) == archlab.flops("resnet50").macs
    assert (
        sum(box.amounts.params or 0 for box in drawing.boxes) == archlab.params("resnet50").params
    )


def test_gradients_of_a_plain_net_grow_towards_the_input() -> None:
    """With batch norm at He's initialisation (Yang et al. 2019): the stem is hottest."""
    drawing = archlab.render("plain20", color_by="gradient").drawing
    heat = {box.id: box.amounts.heat for box in drawing.boxes if box.amounts.heat is not None}
    assert heat["conv1"] == max(heat.values())
    assert heat["conv1"] > 10 * heat["layer3.0.conv2"] > 0
    assert drawing.heat.title == "gradient norm"


def test_only_the_shortcuts_light_up_between_twins() -> None:
    drawing = archlab.render_diff("plain20", "resnet20").drawing
    assert {box.title for box in drawing.boxes if box.mark} == {"+"}
    marked = {edge.role for edge in drawing.edges if edge.mark}
    assert marked == {Role.IDENTITY, Role.PAD}
    same = archlab.render_diff("resnet20", "resnet20")
    assert not [box for box in same.drawing.boxes if box.mark]
    assert "no differences" in str(same)


def test_the_backward_pass_has_every_weight_and_no_accumulator() -> None:
    drawing = archlab.render_backward("resnet20", boxes=80).drawing
    text = json.dumps(drawing.to_dict())
    assert "AccumulateGrad" not in text
    convs = [box for box in drawing.boxes if box.title == "Conv backward"]
    assert sum(box.repeats for box in convs) == 19  # 6n + 2 = 20 layers, one of them linear
    assert all(box.note.startswith("gradient of weight ") for box in convs)
    assert {group.path for group in drawing.groups} >= {"layer1", "layer3.2"}


def test_the_backward_pass_of_a_dense_block_is_drawn() -> None:
    drawing = archlab.render_backward("torchvision:densenet121").drawing
    dense = [group for group in drawing.groups if group.times > 1]
    assert "denseblock" in str([group.path for group in dense])
    assert not [group.note for group in dense if "ch in" in group.note]


def test_a_frozen_model_has_no_backward_pass() -> None:
    net = nn.Linear(3, 2).requires_grad_(requires_grad=False)
    with pytest.raises(TraceError, match="Are all parameters frozen"):
        archlab.render_backward(archlab.load(net, input="4x3"))


def test_a_users_module_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    state = torch.random.get_rng_state()
    archlab.render(archlab.load(net, input="3x8x8"), color_by="receptive-field")
    archlab.render_backward(archlab.load(net, input="2x3x8x8"), mode="train")
    assert net.training
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(weight.grad is None for weight in net.parameters())
    assert not net._forward_hooks


def test_options_that_do_not_fit() -> None:
    with pytest.raises(OptionError, match="exclude each other"):
        archlab.render("resnet20", boxes=10, depth=1)
    with pytest.raises(OptionError, match="a whole number of 3 or more"):
        archlab.render("resnet20", boxes=1)
    with pytest.raises(OptionError, match="0 or more"):
        archlab.render("resnet20", depth=-1)
    with pytest.raises(OptionError, match="no keyword 'ops'"):
        archlab.render_diff("plain20", "resnet20", ops=True)
    with pytest.raises(OptionError, match="Gradients are measured on a model"):
        archlab.render_graph(archlab.trace("resnet20"), color_by="gradient")
    with pytest.raises(OptionError, match="no picture format"):
        archlab.render("resnet20").save("net.gif")
    with pytest.raises(OptionError, match="format='gif'"):
        archlab.render("resnet20").data("gif")


def test_constructor_arguments_reach_the_model() -> None:
    assert "3×224×224" in str(archlab.render("resnet18"))


class Irregular(nn.Module):
    """600 blocks, no two neighbours alike: about 6,000 operators."""

    def __init__(self) -> None:
        super().__init__()
        widths = [3, *(8 + 7 * i % 13 for i in range(600))]
        pairs = itertools.pairwise(widths)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(),
                          nn.Conv2d(b, b, 1), nn.BatchNorm2d(b), nn.Tanh(), nn.Conv2d(b, b, 1),
                          nn.Sigmoid(), nn.BatchNorm2d(b), nn.ReLU())
            for a, b in pairs
        )  # fmt: skip

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


@pytest.mark.slow
def test_six_thousand_operators_are_folded_and_laid_out_in_time() -> None:
    model = archlab.load(Irregular(), input="3x8x8")
    assert len(model.trace().nodes) >= 6000
    picture = archlab.render(model)
    assert len(picture.drawing.boxes) <= 60
    seen = {node for box in picture.drawing.boxes for node in box.nodes}
    assert len(seen) == len(model.trace().nodes)  # nothing is lost
    assert picture.svg.startswith("<svg")


@pytest.mark.parametrize("graph", ["resnet20", None, 3])
def test_what_is_no_graph_is_refused(graph) -> None:
    with pytest.raises(OptionError, match=r"is no graph\. Allowed: what archlab.trace returns"):
        archlab.render_graph(graph)
