"""Where one view lies in another: by hand, and by the memory that a write really changes."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import torch

from archlab.tracer.boxes import Geometry, box, whole

MAP = (2, 4, 6, 5)


def geometry(view: torch.Tensor) -> Geometry:
    return view.itemsize, view.storage_offset(), tuple(view.shape), view.stride()


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (lambda y: y[:, :2], ((0, 1, 2, 0), (0, 1, 2, 1), (0, 1, 6, 2), (0, 1, 5, 3))),
        (lambda y: y[..., 1::2, 3:], ((0, 1, 2, 0), (0, 1, 4, 1), (1, 2, 3, 2), (3, 1, 2, 3))),
        (lambda y: y[:, 1, :, 2], ((0, 1, 2, 0), (1, 1, 1, -1), (0, 1, 6, 1), (2, 1, 1, -1))),
        (lambda y: y.transpose(2, 3)[:, :, 1:], (
            (0, 1, 2, 0), (0, 1, 4, 1), (0, 1, 6, 3), (1, 1, 4, 2))),
        (lambda y: y[:, 2:3], ((0, 1, 2, 0), (2, 1, 1, 1), (0, 1, 6, 2), (0, 1, 5, 3))),
    ],
)  # fmt: skip
def test_slices_of_a_map(view: Callable[[torch.Tensor], torch.Tensor], expected: object) -> None:
    y = torch.empty(MAP)
    assert box(geometry(view(y)), geometry(y)) == expected


def test_a_batch_of_one_stays_the_batch() -> None:
    y = torch.empty(1, 4, 6, 5)
    expected = ((0, 1, 1, 0), (0, 1, 4, 1), (2, 1, 1, -1), (0, 1, 5, 2))
    assert box(geometry(y[:, :, 2]), geometry(y)) == expected


def test_all_elements_in_another_shape_are_an_empty_box() -> None:
    y = torch.empty(MAP)
    assert box(geometry(y.view(8, 30)), geometry(y)) == ()
    assert box(geometry(y.view(MAP)), geometry(y)) == whole(MAP)


def test_what_is_no_box() -> None:
    y = torch.empty(MAP)
    assert box(geometry(y.view(2, 4, 30)[..., 3:9]), geometry(y)) is None  # ends in the next row
    assert box(geometry(torch.diagonal(y, dim1=2, dim2=3)), geometry(y)) is None
    assert box(geometry(y), geometry(y[..., ::2])) is None  # half of it lies between the columns
    assert box(geometry(y.view(torch.int16)), geometry(y)) is None


def slices(generator: random.Random, y: torch.Tensor) -> torch.Tensor:
    """A few random cuts, selections and transpositions."""
    for _ in range(generator.randint(1, 3)):
        axis = generator.randrange(y.dim())
        size = y.shape[axis]
        start = generator.randrange(size)
        if generator.random() < 0.2 and y.dim() > 2:
            y = y.select(axis, start)
        else:
            stop = generator.randint(start + 1, size)
            cut = [slice(None)] * axis + [slice(start, stop, generator.choice([1, 1, 2]))]
            y = y[tuple(cut)]
        if generator.random() < 0.3:
            y = y.transpose(0, generator.randrange(y.dim()))
    return y


def test_a_box_is_what_a_write_changes() -> None:
    generator = random.Random(0)
    boxes = 0
    for _ in range(300):
        base = torch.zeros(MAP)
        read = slices(generator, base) if generator.random() < 0.3 else base
        written = slices(generator, base)
        place = box(geometry(written), geometry(read))
        if not place:
            continue
        boxes += 1
        # Each element of the written view gets its number, and the box says where it is read.
        written.copy_(torch.arange(1.0, written.numel() + 1).view(written.shape))
        numbers = torch.arange(1.0, written.numel() + 1).view(written.shape)
        expected = torch.zeros(read.shape)
        for at in torch.cartesian_prod(*map(torch.arange, read.shape)).view(-1, read.dim()):
            own = [0] * written.dim()
            for (start, step, size, axis), position in zip(place, at.tolist(), strict=True):
                unit, rest = divmod(position - start, step)
                if rest or not 0 <= unit < size:
                    break
                if axis >= 0:
                    own[axis] = unit
            else:
                expected[tuple(at)] = numbers[tuple(own)]
        assert torch.equal(read, expected)
    assert boxes > 200
