"""The drawing of a page: levels as SVG with ids as data, and what the script needs beside them."""

import re

import pytest
from hand_made_graphs import residual

from archlab.fold import fold, levels, places
from archlab.picture.annotate import annotated_levels
from archlab.view.page.content import HeatScale, Stage
from archlab.view.page.drawing import drawn

MACS = HeatScale("macs", "MACs", share=True, total=1.0)
FIELD = HeatScale("receptive-field", "receptive field", share=False, total=None)


def stage() -> Stage:
    """A stem and a row of four equal blocks, of which each has two convolutions."""
    graph = residual(4)
    counted, heats = annotated_levels(levels(graph), graph, {})
    third = {"macs": 1 / 3, "receptive-field": None}
    heats[counted.top]["stem"] = third
    return Stage(fold(graph), counted, {"layer": "Sequential"}, heats, [MACS, FIELD],
                 places(counted, graph))  # fmt: skip


@pytest.fixture(scope="module")
def picture():
    return drawn(stage())


def test_ids_are_data_since_a_page_holds_many_drawings(picture) -> None:
    assert [key for key, _ in picture.levels] == ["0", "1"]
    top, row = (svg for _, svg in picture.levels)
    assert set(re.findall(r'class="node[^"]*"[^>]*data-path="([^"]*)"', top)) >= {"stem", "layer"}
    assert 'data-id="layer.0.conv1"' in row
    assert 'data-id="stem"' not in row
    for svg in (top, row, picture.still):
        assert not re.search(r" id=|font-family|xmlns|<!--", svg)
        assert len(re.findall(r'style="--width:[\d.]+pt"', svg)) == 1


def test_the_script_knows_what_a_box_opens_and_what_the_module_costs(picture) -> None:
    data = picture.data
    assert (data["top"], data["first"]) == ("0", ["0", "1"])
    assert data["levels"]["0"]["opens"] == {"layer": "1"}
    row = data["levels"]["1"]
    assert (row["path"], row["type"]) == ("layer", "Sequential")
    # Eight times 3×3×8×8 weights and a norm's 8 scales, at 16 × 16 positions.
    assert 8 * (8 * 8 * 9 + 8) == 4672
    assert 8 * 8 * 8 * 9 * 16 * 16 == 1_179_648
    assert row["facts"] == ["×4, the first is shown", "4.67 K params", "1.18 M MACs"]
    assert data["levels"]["0"]["facts"] == []


def test_heat_has_six_digits_in_the_order_of_the_scales(picture) -> None:
    assert [scale["name"] for scale in picture.data["scales"]] == ["macs", "receptive-field"]
    assert picture.data["levels"]["0"]["heat"]["stem"] == [0.333333, None]


def test_every_member_of_a_row_leads_to_the_first(picture) -> None:
    places = picture.data["places"]
    assert places["stem"] == ["0", "stem"]
    assert places["layer.3.conv2"] == places["layer.0.conv2"] == ["1", "layer.0.conv2"]
