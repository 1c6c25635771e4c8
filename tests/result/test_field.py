"""What a probe measures of a receptive field is data: frozen, and equal where its values are."""

import dataclasses

import pytest

from archlab.result.field import Support


def test_supports_are_compared_by_value_and_frozen() -> None:
    support = Support("conv", 4, 6, 10, 0)
    assert support == Support("conv", 4, 6, 10, 0) != Support("conv", 4, 6, 10, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        support.low = 0  # type: ignore[misc]
