"""Which pixels torch's interpolation reads: the pixels that have a gradient."""

from fractions import Fraction

import pytest
import torch
from torch.nn.functional import interpolate

from archlab.analyze.field.sight.field import image
from archlab.analyze.field.sight.interpolation import resampled
from archlab.ir.kinds import ResampleAttrs

HOW = {
    "nearest": ResampleAttrs("nearest"),
    "nearest-exact": ResampleAttrs("nearest", centred=True),
    "bilinear": ResampleAttrs("linear"),
    "bicubic": ResampleAttrs("cubic"),
}


def spans(pixels: int, mode: str, **how: object) -> list[tuple[int, int]]:
    x = torch.ones(1, 1, pixels, pixels, dtype=torch.float64, requires_grad=True)
    y = interpolate(x, mode=mode, **how)
    found = []
    for row in y[0, 0]:
        (gradient,) = torch.autograd.grad(row.sum(), x, retain_graph=True)
        # Cubic weights have both signs, and none but rounding where a position meets a pixel.
        reached = (gradient[0, 0].abs().sum(dim=1) > 1e-5).nonzero().flatten()
        found.append((int(reached[0]), int(reached[-1])))
    return found


def table(size: int, to: int, how: ResampleAttrs) -> list[tuple[int, int]]:
    field = resampled(image(size), to, how)
    return list(zip(field.low.tolist(), field.high.tolist(), strict=True))


@pytest.mark.parametrize("mode", HOW)
@pytest.mark.parametrize(("size", "to"), [(5, 10), (7, 11), (11, 7), (9, 3), (6, 6)])
def test_a_size_that_is_given(mode: str, size: int, to: int) -> None:
    assert table(size, to, HOW[mode]) == spans(size, mode, size=to)


@pytest.mark.parametrize("mode", HOW)
@pytest.mark.parametrize(("size", "scale"), [(7, 1.5), (9, 0.7), (5, 2.1), (5, 2.0)])
def test_a_factor_that_is_given_is_not_output_over_input(
    mode: str, size: int, scale: float
) -> None:
    expected = spans(size, mode, scale_factor=scale)
    attrs = HOW[mode]
    how = ResampleAttrs(attrs.mode, scales=(scale, scale), centred=attrs.centred)
    assert table(size, len(expected), how) == expected


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear"])
def test_a_factor_that_changes_no_size(mode: str) -> None:
    how = ResampleAttrs(HOW[mode].mode, scales=(1.05, 1.05), centred=HOW[mode].centred)
    assert table(10, 10, how) == spans(10, mode, scale_factor=1.05)


def test_of_a_volume_it_is_not_known_which_kernel_runs() -> None:
    # 1 ÷ 1.3 rounded down is 0, and as a copy it is 1.
    field = resampled(image(2), 2, ResampleAttrs("nearest", scales=(1.3, 1.3, 1.3)))
    assert (field.low.tolist(), field.high.tolist(), field.sure) == ([0, 0], [0, 1], False)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size", "to"), [(12, 5), (5, 12)])
@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("antialias", [True, False])
def test_corners_and_antialiasing(
    mode: str,
    size: int,
    to: int,
    corners: bool,  # noqa: FBT001
    antialias: bool,  # noqa: FBT001
) -> None:
    how = ResampleAttrs(HOW[mode].mode, align_corners=corners, antialias=antialias)
    expected = spans(size, mode, size=to, align_corners=corners, antialias=antialias)
    assert table(size, to, how) == expected


@pytest.mark.parametrize(
    ("mode", "size", "centre"),
    [
        # Output i is placed at (i + 1/2) × 4 − 1/2 = 4i + 1.5, between two units.
        ("bilinear", 6, Fraction(3, 2)),
        ("nearest", 6, Fraction(0)),
        ("nearest-exact", 6, Fraction(2)),
        # Four outputs a unit: at (i + 1/2) ÷ 4 − 1/2. The nearest is ⌊i ÷ 4⌋, on average the same.
        ("bilinear", 96, Fraction(-3, 8)),
        ("nearest", 96, Fraction(-3, 8)),
    ],
)
def test_centres_are_where_torch_puts_the_outputs(mode: str, size: int, centre: Fraction) -> None:
    how = ResampleAttrs(
        "linear" if mode == "bilinear" else "nearest", centred=mode.endswith("exact")
    )
    field = resampled(image(24), size, how)
    assert field.centre == centre
    assert field.exact == (size == 6)
    assert field.lo <= field.hi
