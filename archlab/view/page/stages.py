"""Where the cost of a net is: a bar a part; a part with nearly all of it is shown by its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from archlab.fold.drawing import Box, Group, Shape
from archlab.fold.level import Levels
from archlab.result import si, size
from archlab.view.page import Bar, Bars
from archlab.view.page.content import Heats

QUANTITIES: dict[str, Callable[[float], str]] = {"macs": si, "params": si, "memory": size}
_MOST = 0.7  # the share of MACs from which on a part is shown by what is in it
_JOINS = "sums, concatenations"
Values = Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a net: its values by measure, and whether its MACs are a lower bound."""

    label: str
    values: Values
    partial: bool = False


def cost_by_stage(levels: Levels, heats: Heats) -> Bars:
    """Return MACs, parameters and activation memory of the parts of a net, as bars.

    Args:
        levels: the net's levels.
        heats: values by level, box and measure.
    """
    lines = _merged(_stages(levels, heats, levels.top))
    longest = {
        name: max([_value(line.values, name) for line in lines] or [0.0]) for name in QUANTITIES
    }
    bars = [
        Bar(
            label=line.label,
            texts=[_text(line, name) for name in QUANTITIES],
            shares=[
                _value(line.values, name) / longest[name] if longest[name] else 0.0
                for name in QUANTITIES
            ],
        )
        for line in lines
    ]
    return Bars(
        ("MACs", "parameters", "activation memory"),
        bars,
        "×N: the row counts all N blocks; only the first of them is drawn.",
    )


def _text(line: Line, name: str) -> str:
    value = line.values.get(name)
    if value is None:
        return "not known"
    least = "≥ " if line.partial and name == "macs" else ""
    return least + QUANTITIES[name](value)


def _value(values: Values, name: str) -> float:
    return values.get(name) or 0.0


def _stages(levels: Levels, heats: Heats, key: str) -> list[Line]:
    """Return the boxes of a level as lines; one with nearly all MACs as those of its inside."""
    level = levels.levels[key]
    items = _outer(level.drawing.groups, level.drawing.boxes)
    total = sum(_value(heats[key][item.id], "macs") for item in items)
    lines: list[Line] = []
    for item in items:
        inner = level.opens.get(item.id)
        values = heats[key][item.id]
        if inner is not None and total and _value(values, "macs") > _MOST * total:
            lines += _stages(levels, heats, inner)
        else:
            lines.append(Line(_label(item), values, item.amounts.partial))
    return lines


def _label(item: Box | Group) -> str:
    # Joins are summed up in one line: they cost next to nothing.
    if isinstance(item, Box) and item.shape in (Shape.SUM, Shape.PRODUCT, Shape.CONCAT):
        return _JOINS
    times = max(item.times, item.repeats)
    return f"{item.path or item.id}{f' ×{times}' if times > 1 else ''}"


def _merged(lines: Sequence[Line]) -> list[Line]:
    """Return lines of the same label summed, the joins last, without lines of zeros alone."""
    by_label: dict[str, list[Line]] = {}
    for line in lines:
        by_label.setdefault(line.label, []).append(line)
    sums = [
        Line(
            label,
            {name: _sum(line.values.get(name) for line in by_label[label]) for name in QUANTITIES},
            any(line.partial for line in by_label[label]),
        )
        for label in sorted(by_label, key=lambda label: label == _JOINS)
    ]
    return [line for line in sums if line.partial or any(v != 0 for v in line.values.values())]


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _outer(groups: Sequence[Group], boxes: Sequence[Box]) -> list[Box | Group]:
    """Return the boxes and frames that no frame holds, in the order of execution."""
    outer: list[Box | Group] = [box for box in boxes if not box.group and box.nodes]
    outer += [group for group in groups if not group.parent and group.nodes]
    return sorted(outer, key=lambda item: min(item.nodes))
