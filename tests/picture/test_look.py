"""How to draw: what is refused, and what folding is asked for."""

import pytest

from archlab.errors import OptionError
from archlab.fold import BOXES, OPS_BOXES
from archlab.picture.look import Look
from archlab.view.drawing.volume import BOXES as VOLUMES


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"boxes": 2}, "boxes=2: a picture needs 3 boxes or more"),
        ({"boxes": True}, "boxes=True: a whole number is wanted"),
        ({"depth": 1.5}, "depth=1.5: a whole number is wanted"),
        ({"depth": -1}, "levels are 0 or more"),
        ({"boxes": 9, "depth": 1}, "boxes and depth exclude each other"),
        ({"color_by": "mac"}, "Did you mean macs"),
        ({"direction": "RL"}, "Allowed: TB, LR"),
        ({"theme": "drak"}, "Did you mean dark"),
        ({"style": "volume"}, "Did you mean volumes"),
    ],
)
def test_what_is_not_allowed_is_refused(values, message) -> None:
    with pytest.raises(OptionError, match=message):
        Look(**values)


def test_the_budget_of_boxes_depends_on_what_a_box_is() -> None:
    assert (Look().wish.boxes, Look(ops=True).wish.boxes) == (BOXES, OPS_BOXES) == (60, 600)
    assert Look(boxes=9, ops=True).wish.boxes == 9
    assert Look(style="volumes").wish.boxes == VOLUMES
    assert Look(boxes=9, style="volumes").wish.boxes == 9


def test_a_single_path_is_no_row_of_letters() -> None:
    assert Look(expand="layer1").wish.expand == ("layer1",)
