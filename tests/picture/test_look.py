"""How to draw: what is refused, and what folding is asked for."""

import pytest

from archlab.errors import OptionError
from archlab.fold import BOXES, OPS_BOXES
from archlab.picture.look import Look
from archlab.view.drawing.volume import BOXES as VOLUMES


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"boxes": 2}, "boxes=2: a whole number of 3 or more is wanted"),
        ({"boxes": True}, "boxes=True: a whole number of 3 or more is wanted"),
        ({"boxes": "abc"}, "boxes='abc': a whole number of 3 or more is wanted"),
        ({"depth": 1.5}, "depth=1.5: a whole number of 0 or more is wanted"),
        ({"depth": -1}, "depth=-1: a whole number of 0 or more is wanted"),
        ({"ops": "yes"}, "ops='yes': True or False is wanted"),
        ({"expand": 3}, "expand=3: a module path, or a list of them, is wanted"),
        ({"expand": None}, "expand=None: a module path"),
        ({"expand": ["layer1", 3]}, "expand=3: a module path"),
        ({"color_by": ["macs"]}, r"color_by=\['macs'\] is unknown. .*Allowed: macs"),
        ({"fit": {"page"}}, "fit={'page'} is unknown"),
        ({"boxes": 9, "depth": 1}, "Give boxes=9 for as much .* or depth=1 for that many levels"),
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
