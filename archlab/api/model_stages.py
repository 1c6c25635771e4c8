"""Where the cost of a net is: its parts as bars, one that holds nearly all by what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archlab.fold.drawing import Box, Group, Shape
from archlab.fold.level import Levels
from archlab.result import si, size
from archlab.view.page import Bar, Bars
from archlab.view.page.content import Heats

QUANTITIES = ("macs", "params", "memory")
_MOST = 0.7  # the share of MACs from which on a part is shown by what is in it
_JOINS = "sums, concatenations"
Lines = list[tuple[str, Mapping[str, float | None]]]


def cost_by_stage(found: Levels, heats: Heats) -> Bars:
    """Return MACs, parameters and activation memory of the parts of a net, as bars.

    Args:
        found: the net's levels.
        heats: values by level, box and measure.
    """
    names = [("macs", si), ("params", si), ("memory", size)]
    lines = _merged(_stages(found, heats, found.top))
    longest = {name: max([_value(line, name) for _, line in lines] or [0.0]) for name, _ in names}
    bars = [
        Bar(
            label=label,
            texts=[
                "not known" if values.get(name) is None else text(_value(values, name))
                for name, text in names
            ],
            shares=[
                _value(values, name) / longest[name] if longest[name] else 0.0 for name, _ in names
            ],
        )
        for label, values in lines
    ]
    return Bars(
        ("MACs", "parameters", "activation memory"),
        bars,
        "×N: the row counts all N blocks; only the first of them is drawn.",
    )


def _value(values: Mapping[str, float | None], name: str) -> float:
    return values.get(name) or 0.0


def _stages(found: Levels, heats: Heats, key: str) -> list[tuple[str, Mapping[str, float | None]]]:
    """The boxes of the outer level; one that holds nearly all is shown by what is in it."""
    level = found.levels[key]
    items = [item for item in _outer(level.drawing.groups, level.drawing.boxes) if item.nodes]
    total = sum(_value(heats[key][item.id], "macs") for item in items)
    lines = []
    for item in items:
        inner = level.opens.get(item.id)
        values = heats[key][item.id]
        if inner is not None and total and _value(values, "macs") > _MOST * total:
            lines += _stages(found, heats, inner)
        else:
            lines.append((_label(item), values))
    return lines


def _label(item: Box | Group) -> str:
    """The module's path and how often it is repeated; joins together, they cost next to nothing."""
    if isinstance(item, Box) and item.shape in (Shape.SUM, Shape.PRODUCT, Shape.CONCAT):
        return _JOINS
    times = max(item.times, item.repeats)
    return f"{item.path or item.id}{f' ×{times}' if times > 1 else ''}"


def _merged(lines: Lines) -> Lines:
    """Lines of the same label summed, the joins last, and lines of nothing but zeros left out."""
    found: dict[str, list[Mapping[str, float | None]]] = {}
    for label, values in lines:
        found.setdefault(label, []).append(values)
    labels = sorted(found, key=lambda label: label == _JOINS)
    sums = [
        (label, {name: _sum(values.get(name) for values in found[label]) for name in QUANTITIES})
        for label in labels
    ]
    return [(label, values) for label, values in sums if any(v != 0 for v in values.values())]


def _sum(values: Iterable[float | None]) -> float | None:
    """The sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _outer(groups: Sequence[Group], boxes: Sequence[Box]) -> list[Box | Group]:
    """Boxes and frames that no frame holds, in the order of execution."""
    items: list[Box | Group] = [*boxes, *groups]
    outer = [item for item in items if not _parent(item) and item.nodes]
    return sorted(outer, key=lambda item: min(item.nodes))


def _parent(item: Box | Group) -> str:
    return item.group if isinstance(item, Box) else item.parent
