"""What holds on every sheet; `tests/picture/test_many_models.py` has many nets."""

import pytest
from sound import faults


@pytest.mark.parametrize("fit", ["page", "slide", "screen", "none"])
@pytest.mark.parametrize("model", ["resnet18", "googlenet", "torchvision:swin_t", "densenet121"])
def test_every_sheet(placed, model, fit) -> None:
    for direction in ("TB", "LR"):
        drawing, geometry = placed(model, direction=direction, fit=fit)
        assert faults(drawing, geometry) == []


def test_a_sheet_is_filled_better_than_by_one_column(placed) -> None:
    for fit, ratio in (("page", 297 / 210), ("slide", 9 / 16), ("screen", 900 / 1440)):
        for model in ("resnet18", "resnet152", "densenet121"):
            (_, broken), (_, straight) = placed(model, fit=fit), placed(model, fit="none")
            fill = [min(1 / one.width, ratio / one.height) for one in (broken, straight)]
            assert fill[0] > 1.3 * fill[1]
