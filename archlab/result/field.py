"""What a probe measures of a layer's receptive field: `probe` makes it, `analyze` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class EffectiveField:
    """One layer's effective field, from its central `unit` (row, column).

    Attributes:
        path: of the layer.
        heat: the mean squared gradient at every pixel (H × W), scaled so that the largest is 1.
        height: rows between the first and the last pixel above the threshold.
        width: the same for columns.
        unit: the output position whose gradients these are.
    """

    path: str
    heat: NDArray[np.float64]
    height: int
    width: int
    unit: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Support:
    """Rows (or columns) that one unit reaches: first, last, and how many in between it skips."""

    path: str
    unit: int
    low: int
    high: int
    holes: int
