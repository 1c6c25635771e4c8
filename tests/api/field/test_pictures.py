"""What a picture of receptive fields shows: boxes by hand, and what is refused."""

import pytest
from torch import nn

import archlab
from archlab.api.field.pictures import _panel
from archlab.api.model import Model
from archlab.errors import OptionError, SpecError


def test_the_box_of_the_central_unit() -> None:
    # 8×6 pixels, 3×3 at stride 2 without padding: 3×2 units, the central one is (1, 1).
    net = nn.Sequential(nn.Conv2d(1, 1, 3, stride=2), nn.Flatten())
    panel = _panel(Model(net, input="1x8x6"), "0", ())
    assert panel.box == (2, 2, 3, 3)  # top, left, height, width
    assert panel.heat is None
    assert panel.title == "0\n3 × 3, jump 2"


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
