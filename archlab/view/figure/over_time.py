"""A picture of one quantity over time and depth, by matplotlib: steps across, blocks upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archlab.view.figure.written import written

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Heat:
    """Values by block (row) and step (column); nan where there is none."""

    title: str
    subtitle: str
    steps: Sequence[int]
    blocks: Sequence[str]
    values: NDArray[np.float64]
    label: str


def heat(picture: Heat, suffix: str) -> bytes:
    """Return the picture as a file's bytes; colours are logarithmic.

    Raises:
        OptionError: a suffix other than svg, png or pdf.
    """
    return written(lambda: _drawn(picture), suffix)


def _drawn(picture: Heat) -> Figure:
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.4))
    figure.subplots_adjust(left=0.13, right=1.0, top=0.82, bottom=0.12)
    figure.text(0.02, 0.97, picture.title, fontsize=12, fontweight="bold", va="top")
    figure.text(0.02, 0.91, picture.subtitle, fontsize=8, color="#555555", va="top")
    axes = figure.add_subplot()
    values = np.ma.masked_invalid(np.where(picture.values > 0, picture.values, np.nan))
    low, high = (float(values.min()), float(values.max())) if values.count() else (0.1, 1.0)
    axes.set_facecolor("#dddddd")  # no gradient to speak of
    image = axes.imshow(
        values, origin="lower", aspect="auto", cmap="viridis", interpolation="nearest",
        norm=LogNorm(low, max(high, low * 1.001)),
    )  # fmt: skip
    # A column a measurement: the first is at step 1, so that a scale in steps would crowd it.
    across = _some(len(picture.steps), 8)
    axes.set_xticks(across, [f"{picture.steps[i]:,}" for i in across])
    upwards = _some(len(picture.blocks), 12)
    axes.set_yticks(upwards, [picture.blocks[i] for i in upwards], fontsize=7.5)
    axes.set_xlabel("steps")
    axes.set_title("output at the top, input at the bottom", fontsize=8.5)
    figure.colorbar(image, ax=axes, label=picture.label, pad=0.02)
    return figure


def _some(count: int, most: int) -> list[int]:
    """Return evenly spaced indices, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
