"""The part of a page about one model: tiles with published numbers, and sentences of each case."""

import pytest
from torch import nn

from archlab.api.model import Model
from archlab.api.page.of_model import _held, _savings, _short, model_part


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("layer1.0.conv1", "layer1.0.conv1"),
        ("encoder.layers.encoder_layer_0.mlp", "… mlp"),
        ("features.denseblock1.norm.x1", "… norm.x1"),
        ("a_single_name_of_any_length", "a_single_name_of_any_length"),
    ],
)
def test_the_end_of_a_path_says_most(path, shown) -> None:
    assert _short(path) == shown


def test_tiles_of_a_published_net() -> None:
    part = model_part(Model("resnet20"), gradients=False, alone=True)
    tiles = {tile.label: tile for tile in part.tiles}
    assert tiles["parameters"].exact == "269,722"  # 0.27 M in He et al. 2015, table 6
    assert tiles["weighted layers"].value == "20"
    assert tiles["receptive field"].value == "81 px"  # 3 + 4n, + 8n − 2, + 16n − 4 for n = 3
    assert tiles["jump"].value == "4 px"
    titles = [section.title for section in part.sections]
    assert titles[:3] == ["Cost by stage", "Modules", "Receptive field"]
    assert not part.sections[1].folded
    beside = model_part(Model("resnet20"), gradients=False, alone=False)
    assert beside.sections[1].folded


def test_batch_norm_on_one_value_trains_at_batch_two() -> None:
    net = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    answer, batch = _held(Model(net, input="1x4"))
    assert batch == 2
    assert answer.totals.training is not None
    assert answer.missing == ()
    assert _held(Model(nn.Sequential(nn.Linear(4, 2)), input="1x4"))[1] == 0


def test_a_reduction_and_a_net_without_one() -> None:
    one = nn.Sequential(nn.Conv2d(64, 64, 3), nn.ReLU())
    (none,) = _savings(Model(one, input="64x8x8").trace(), folded=False)
    assert "no 1×1 reduction in front of a larger kernel" in none.words[0]
    net = nn.Sequential(nn.Conv2d(64, 8, 1, bias=False), nn.Conv2d(8, 64, 3, bias=False))
    (section,) = _savings(Model(net, input="64x8x8").trace(), folded=False)
    # 64 · 8 + 8 · 64 · 9 = 5,120 weights in place of 64 · 64 · 9 = 36,864.
    assert "1 in this net: 5,120 weights as built, 36,864 directly, 7.2 times" in section.words[0]
