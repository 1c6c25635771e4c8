"""The option values that zoo families share, and the checks that explain a bad one.

No torch here: `archlab.zoo` uses the depth rule to read names before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from archlab.errors import OptionError

Layout = Literal["imagenet", "cifar"]
Norm = Literal["batch", "none"]
Factorize = Literal["none", "v2", "v3"]
Shortcut = Literal["A", "B", "C"]


def check_choice(option: str, value: object, allowed: Sequence[object]) -> None:
    """Raise OptionError unless `value` is one of `allowed`.

    Example:
        >>> check_choice("norm", "layer", ("batch", "none"))
        Traceback (most recent call last):
        ...
        archlab.errors.OptionError: norm: 'layer' is not allowed; choose one of 'batch', 'none'.
    """
    if value not in allowed:
        choices = ", ".join(repr(each) for each in allowed)
        raise OptionError(f"{option}: {value!r} is not allowed; choose one of {choices}.")


def check_count(option: str, value: object) -> None:
    """Raise OptionError unless `value` is a whole number of at least 1."""
    # bool is an int in Python, yet `num_classes=True` is surely a slip.
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise OptionError(f"{option}: {value!r} is not allowed; give a whole number from 1 up.")


def check_flag(option: str, value: object) -> None:
    """Raise OptionError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise OptionError(f"{option}: {value!r} is not allowed; give True or False.")


def check_widths(option: str, value: object) -> None:
    """Raise OptionError unless `value` is three whole numbers of at least 1."""
    if not isinstance(value, tuple | list) or len(value) != 3:
        raise OptionError(
            f"{option}: {value!r} is not allowed; give three channel counts such as (16, 32, 64)."
        )
    for channels in value:
        check_count(option, channels)


def is_cifar_depth(depth: int) -> bool:
    """Return whether `depth` is 6n + 2 with n >= 1 (He et al. 2015, section 4.2).

    Example:
        >>> is_cifar_depth(56), is_cifar_depth(57), is_cifar_depth(2)
        (True, False, False)
    """
    return depth >= 8 and depth % 6 == 2


def nearest_cifar_depths(depth: int) -> tuple[int, ...]:
    """Return the depths 6n + 2 just below and just above `depth`.

    Example:
        >>> nearest_cifar_depths(57), nearest_cifar_depths(3)
        ((56, 62), (8,))
    """
    below = (depth - 2) // 6 * 6 + 2
    # The shallowest has one unit a stage, 8 layers.
    return (below, below + 6) if below >= 8 else (8,)
