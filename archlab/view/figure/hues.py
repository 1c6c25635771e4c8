"""How nets look in every figure: a hue and a dash a family, darker where the net is deeper."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archlab.view.figure.export import COLOURS

# In grey print families are still told apart. Dots alone are left to theory.
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5)))
_PLAIN = 1  # the hue and the dash of plain nets, wherever they are drawn
_PALE, _DARK = 0.45, 0.35  # shares of white in the shallowest net, of black in the deepest


@dataclass(frozen=True)
class Look:
    """The colour of a net and the dash of its line, as matplotlib has them."""

    colour: str
    dash: Any = "-"


def looks(names: Sequence[str]) -> list[Look]:
    """Return how each net looks, from its name: resnet20 and resnet56 are one family.

    Example:
        >>> [look.dash for look in looks(["resnet20", "plain20", "resnet56"])]
        ['-', '--', '-']
    """
    families: dict[str, list[int]] = {}
    for name in names:
        family, depth = _parted(name)
        families.setdefault(family, []).append(depth)
    places = _places(list(families))
    found = []
    for name in names:
        family, depth = _parted(name)
        depths = sorted(set(families[family]))
        share = depths.index(depth) / (len(depths) - 1) if len(depths) > 1 else None
        place = places[family]
        dash = _DASHES[place % len(_DASHES)]
        found.append(Look(_shade(COLOURS[place % len(COLOURS)], share), dash))
    return found


def _parted(name: str) -> tuple[str, int]:
    """Return a net's family, which is its name without the first number, and that number."""
    number = re.search(r"\d+", name)
    return (name.replace(number[0], "#", 1), int(number[0])) if number else (name, 0)


def _places(families: Sequence[str]) -> dict[str, int]:
    """Return a number a family: the first plain one has its own, whatever stands beside it."""
    plain = next((family for family in families if "plain" in family), None)
    others = [family for family in families if family != plain]
    free = [place for place in range(len(families) + 1) if place != _PLAIN]
    places = dict(zip(others, free, strict=False))
    return places if plain is None else {**places, plain: _PLAIN}


def _shade(colour: str, share: float | None) -> str:
    """Return a colour mixed with white (share 0) up to black (1); None leaves it as it is."""
    if share is None:
        return colour
    towards, amount = (
        (255, _PALE * (1 - 2 * share)) if share < 0.5 else (0, _DARK * (2 * share - 1))
    )
    mixed = (round(part + (towards - part) * amount) for part in bytes.fromhex(colour[1:]))
    return "#" + bytes(mixed).hex()
