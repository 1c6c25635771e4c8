"""Parts that lie over each other along one axis, on fields made by hand."""

import numpy as np

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.layout import Axis, Digit
from archlab.analyze.field.sight.overlay import Part, along, overlaid, visible_parts
from archlab.analyze.field.sight.sight import Sight


def part(field: fields.Field | None, start: int, step: int, size: int) -> Part:
    """A value with rows alone, in a tensor of rows."""
    sight = field and Sight((Axis((Digit(size, 0),)),), (field, None, None))
    return Part(sight, ((start, step, size, 0),))


def over(size: int, *parts: Part) -> fields.Field | None:
    cells, visible = visible_parts(parts, (size,))
    return overlaid(parts, 0, 0, size, cells[0], along(visible, 0, []))


def test_the_last_part_hides_the_others() -> None:
    image = fields.image(6)
    parts = [part(image, 0, 1, 6), part(fields.image(6), 1, 1, 3), part(None, 2, 1, 2)]
    cells, visible = visible_parts(parts, (6,))
    assert visible[:, cells[0]].tolist() == [
        [True, False, False, False, True, True],
        [False, True, False, False, False, False],
        [False, False, True, True, False, False],
    ]


def test_a_border_that_wraps_round_leaves_the_inside_exact() -> None:
    image = fields.image(6)
    ends = [fields.cropped(image, 4, 1, 2), fields.cropped(image, 0, 1, 2)]
    whole = over(10, part(image, 2, 1, 6), part(ends[0], 0, 1, 2), part(ends[1], 8, 1, 2))
    assert whole is not None
    assert whole.low.tolist() == whole.high.tolist() == [4, 5, 0, 1, 2, 3, 4, 5, 0, 1]
    assert (whole.lo, whole.width, whole.exact) == (-2, 1, True)


def test_a_seam_in_the_middle_is_not_exact() -> None:
    image = fields.image(8)
    halves = [
        fields.window(
            fields.cropped(image, start, 1, 4), kernel=3, stride=1, padding=1, dilation=1, size=4
        )
        for start in (0, 4)
    ]
    whole = over(8, part(halves[0], 0, 1, 4), part(halves[1], 4, 1, 4))
    assert whole is not None
    assert whole.high.tolist() == [1, 2, 3, 3, 5, 6, 7, 7]  # unit 3 does not see row 4
    assert (whole.lo, whole.hi, whole.exact) == (-1, 1, False)


def test_a_part_of_another_size_than_its_box_is_refused() -> None:
    assert over(6, part(fields.image(5), 0, 1, 6)) is None


def test_steps_that_differ_have_a_table_alone() -> None:
    image = fields.image(8)
    every_second = fields.cropped(image, 0, 2, 4)
    whole = over(8, part(image, 0, 1, 8), part(every_second, 4, 1, 4))
    assert whole is not None
    assert whole.low.tolist() == [0, 1, 2, 3, 0, 2, 4, 6]
    assert not whole.exact
    assert np.array_equal(whole.low, whole.high)
