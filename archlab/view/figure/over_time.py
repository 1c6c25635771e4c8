"""A figure of one quantity over time and depth: steps across, blocks upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archlab.view.figure.export import exported
from archlab.view.figure.frame import Words, framed

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class HeatFigure:
    """What to draw."""

    words: Words
    steps: Sequence[int]
    blocks: Sequence[str]
    values: NDArray[np.float64]  # a row a block, a column a step; nan where there is none
    label: str


def heat(content: HeatFigure, suffix: str) -> bytes:
    """Return the figure as the bytes of an svg, png or pdf file; see `exported`."""
    return exported(lambda: _draw(content), suffix)


def _draw(content: HeatFigure) -> Figure:
    from matplotlib.colors import LogNorm

    figure, body = framed(content.words, 7.2, 3.9)
    body.subplots_adjust(left=0.13, right=1.0, top=0.92, bottom=0.13)
    axes = body.add_subplot()
    values = np.ma.masked_invalid(np.where(content.values > 0, content.values, np.nan))
    low, high = (float(values.min()), float(values.max())) if values.count() else (0.1, 1.0)
    axes.set_facecolor("#dddddd")  # what shows where there is no value
    norm = LogNorm(low, max(high, low * 1.001))  # equal values still need a scale with two ends
    look: Any = {"origin": "lower", "aspect": "auto", "interpolation": "nearest"}
    image = axes.imshow(values, cmap="viridis", norm=norm, **look)
    # One column a measurement: on a scale of steps the first ones would stand too close.
    across = _some(len(content.steps), 8)
    axes.set_xticks(across, [f"{content.steps[i]:,}" for i in across])
    upwards = _some(len(content.blocks), 12)
    axes.set_yticks(upwards, [content.blocks[i] for i in upwards], fontsize=7.5)
    axes.set_xlabel("steps")
    axes.set_title("output at the top, input at the bottom", fontsize=8.5)
    body.colorbar(image, ax=axes, label=content.label, pad=0.02)
    return figure


def _some(count: int, most: int) -> list[int]:
    """Return evenly spaced indices, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
