"""The checks that explain a bad option, and the rule of 6n + 2."""

import pytest

from archlab.errors import OptionError
from archlab.zoo.options import (
    check_choice,
    check_count,
    check_flag,
    check_widths,
    is_cifar_depth,
    nearest_cifar_depths,
)


def test_depths_are_6n_plus_2() -> None:
    expected = [6 * n + 2 for n in range(1, 10)]
    assert [depth for depth in range(-10, 57) if is_cifar_depth(depth)] == expected


@pytest.mark.parametrize(
    ("depth", "near"), [(9, (8, 14)), (13, (8, 14)), (15, (14, 20)), (0, (8,)), (7, (8,))]
)
def test_the_nearest_depths(depth, near) -> None:
    assert nearest_cifar_depths(depth) == near


@pytest.mark.parametrize("value", [0, -1, True, 2.0, "3", None])
def test_a_count_is_a_whole_number_from_1(value) -> None:
    with pytest.raises(OptionError, match=r"num_classes: .* give a whole number from 1 up"):
        check_count("num_classes", value)


def test_what_is_allowed_passes() -> None:
    check_count("num_classes", 1)
    check_flag("aux", False)  # noqa: FBT003
    check_choice("norm", "batch", ("batch", "none"))
    check_widths("widths", [8, 16, 32])


@pytest.mark.parametrize("value", [(8, 16), (8, 16, 32, 64), 8, "abc"])
def test_widths_are_three(value) -> None:
    with pytest.raises(OptionError, match=r"give three channel counts such as \(16, 32, 64\)"):
        check_widths("widths", value)
    with pytest.raises(OptionError, match="True or False"):
        check_flag("aux", 1)
