"""What a probe measures of a layer's receptive field: `probe` makes it, `analyze` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Place:
    """Where one unit is in a tensor: an index for each axis of the image, None for the others."""

    unit: tuple[int, int]  # its row and column on the map
    shape: tuple[int, ...]  # of the tensor
    index: tuple[int | None, ...]


@dataclass(frozen=True)
class EffectiveField:
    """One layer's effective field: the mean squared gradient of one unit at every pixel."""

    path: str
    heat: NDArray[np.float64]  # H × W, scaled so that the largest is 1
    height: int  # rows between the first and the last pixel above the threshold
    width: int  # the same for columns
    unit: tuple[int, int]  # the output position (row, column) that is differentiated


@dataclass(frozen=True, slots=True)
class Support:
    """Rows (or columns) that one unit reaches: first, last, and how many in between it skips.

    First and last are None for a unit that reaches padding alone.
    """

    path: str
    unit: int
    low: int | None
    high: int | None
    holes: int
