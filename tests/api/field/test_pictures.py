"""What a picture of receptive fields shows: boxes by hand, and what is refused."""

import numpy as np
import pytest
from torch import nn

import archlab
from archlab.api.field.pictures import _inner, _panel
from archlab.api.model import Model
from archlab.errors import OptionError, SpecError
from archlab.result.field import EffectiveField


def test_the_box_of_the_central_unit() -> None:
    # 8×6 pixels, 3×3 at stride 2 without padding: 3×2 units, the central one is (1, 1).
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Flatten())
    panel = _panel(Model(net, input="1x8x6"), "0", ())
    assert panel.box == (2, 2, 3, 3)  # top, left, height, width
    assert panel.heat is None
    assert (panel.beyond, panel.note) == ([], "")
    assert panel.title == "0\ntheory 3 × 3, jump 2"


def test_a_layer_that_sees_no_place_has_no_box() -> None:
    with pytest.raises(SpecError, match="fc of plain8 has no height and width left"):
        _panel(Model("plain8"), "fc", ())


@pytest.mark.parametrize(
    ("models", "keywords", "message"),
    [
        ((), {}, "No model to draw"),
        (("plain8",), {"checkpoint": "a.pt"}, "checkpoint is for measured fields: add effective"),
        (("plain8", "resnet8"), {"layers": ["conv1"]}, "one model alone has"),
    ],
)
def test_what_is_not_allowed_is_refused(models, keywords, message) -> None:
    with pytest.raises(OptionError, match=message):
        archlab.plot_receptive_field(*models, **keywords)


def test_a_field_beyond_the_image_says_where_and_how_large_it_is() -> None:
    # 4×9 pixels, 7×7 with padding: the central unit (2, 4) sees rows −1 … 5 and columns 1 … 7.
    net = nn.Sequential(nn.Conv2d(1, 1, 7, padding=3), nn.Flatten())
    panel = _panel(Model(net, input="1x4x9"), "0", ())
    assert panel.box == (0, 1, 4, 7)
    assert list(panel.beyond) == ["top", "bottom"]
    assert panel.note == "larger than the image: 7 × 7 px"


def test_the_effective_box_holds_the_pixels_above_the_threshold() -> None:
    heat = np.zeros((8, 8))
    heat[2:5, 3], heat[3, 1:7], heat[0, 0] = 0.2, 1.0, 0.04  # of the largest; 0.0455 is the edge
    field = EffectiveField("0", heat, 3, 6, (4, 4))
    assert _inner(field) == (2, 1, 3, 6)
    assert _inner(EffectiveField("0", np.zeros((8, 8)), 0, 0, (4, 4))) is None
