"""Colours, fonts and sizes of drawings: one place, by role. Okabe and Ito's colours for kinds.

Each role of a theme has a hex code of its own, so that a style sheet can turn light into dark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archlab.ir.kinds import Kind

FONT = "DejaVu Sans"
# What an SVG names: Verdana is as wide as DejaVu, the others are narrower, so that text fits.
FALLBACKS = "DejaVu Sans,Verdana,Geneva,sans-serif"

# Kind -> role of its colour; a kind without one is `other`.
HUES: dict[Kind | None, str] = {
    Kind.CONV: "conv",
    Kind.CONV_TRANSPOSE: "conv",
    Kind.LINEAR: "linear",
    Kind.MATMUL: "attention",
    Kind.ATTENTION: "attention",
    Kind.SOFTMAX: "attention",
    Kind.RECURRENT: "recurrent",
    Kind.NORM: "norm",
    Kind.ACTIVATION: "activation",
    Kind.POOL: "pool",
    Kind.REDUCE: "pool",
    Kind.RESAMPLE: "resample",
    Kind.CONCAT: "join",
    Kind.ELEMENTWISE: "join",
    Kind.OPAQUE: "unknown",
}


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a drawing by role."""

    colours: Mapping[str, str]
    dark: Mapping[str, str] | None = None  # laid over `colours` on a dark screen
    width: float | None = None  # inches that a PDF may be wide

    @property
    def heat(self) -> tuple[str, ...]:
        """The colours of heat, from low to high."""
        return tuple(self.colours[role] for role in HEAT)


HEAT = tuple(f"heat{i}" for i in range(6))  # roles of the colours of heat, from low to high
LIGHT = {
    **dict(
        zip(HEAT, ("#fff3e1", "#fdd49f", "#fcae6b", "#ef7b45", "#c74a2c", "#8a2010"), strict=True)
    ),
    "conv": "#0072b2",
    "linear": "#009e73",
    "attention": "#cc79a7",
    "recurrent": "#8c510a",
    "norm": "#8f98a6",
    "activation": "#e69f00",
    "pool": "#56b4e9",
    "resample": "#44aa99",
    "join": "#f0c808",
    "unknown": "#d55e01",
    "other": "#b8bec8",
    "page": "#ffffff",
    "card": "#fefefe",
    "border": "#4c566a",
    "text": "#1f2430",
    "quiet": "#5a6472",
    "frame": "#f3f5f9",
    "inner": "#e9eef6",
    "line": "#9aa5b8",
    "edge": "#55607a",
    "shape": "#2f5fb3",
    "shortcut": "#c2185b",
    "skip": "#6a3fb5",
    "sum": "#ffe14a",
    "ink": "#20242f",
    "added": "#1a7f37",
    "removed": "#b42318",
    "changed": "#b35900",
    "hatch": "#e3e6eb",
    "failure": "#fde7e4",
}
DARK = {
    # On a dark page what is light is hot.
    **dict(
        zip(HEAT, ("#43302c", "#74392a", "#a84a2b", "#dd7238", "#f6ab67", "#ffe6bd"), strict=True)
    ),
    "page": "#14171d",
    "card": "#232833",
    "border": "#8e99ad",
    "text": "#eef1f6",
    "quiet": "#aeb7c6",
    "frame": "#1b2029",
    "inner": "#252c39",
    "line": "#4d586b",
    "edge": "#9aa6bd",
    "shape": "#8db4ff",
    "shortcut": "#ff6fa3",
    "skip": "#b79cff",
    "added": "#4ac26b",
    "removed": "#ff8b7e",
    "changed": "#f0a35e",
    "hatch": "#3a414e",
    "failure": "#4a201c",
}
PRINT = {
    **LIGHT,
    "frame": "#fbfbfb",
    "inner": "#f1f1f2",
    "border": "#000001",
    "text": "#000002",
    "quiet": "#333333",
    "edge": "#000003",
    "line": "#777777",
    "shape": "#333334",
}
THEMES: dict[str, Theme] = {
    "auto": Theme(LIGHT, DARK),
    "light": Theme(LIGHT),
    "dark": Theme({**LIGHT, **DARK}),
    "print": Theme(PRINT, width=3.35),  # a column wide, hardly any tint
}


def hue(kind: Kind | None) -> str:
    """Return the role of a kind's colour.

    Example:
        >>> hue(Kind.CONV), hue(Kind.SCATTER)
        ('conv', 'other')
    """
    return HUES.get(kind, "other")


KIND_TITLES = {
    "conv": "convolution",
    "linear": "linear",
    "attention": "attention, matrix product",
    "recurrent": "recurrent",
    "norm": "norm",
    "activation": "activation",
    "pool": "pool, mean",
    "resample": "resampling",
    "join": "sum, concatenation",
    "unknown": "not known to archlab",
    "other": "other",
}


def heat_colour(theme: Theme, value: float, low: float, high: float) -> str:
    """Return the colour of a value on the scale from `low` to `high`, in equal steps.

    Example:
        >>> heat_colour(THEMES["light"], 1.0, 0.0, 1.0)
        '#8a2010'
    """
    place = (value - low) / (high - low) if high > low else 0.0
    steps = len(theme.heat)
    return theme.heat[min(int(place * steps), steps - 1)]
