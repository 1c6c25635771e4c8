"""Where the cost of a net is: a bar a part; a part with nearly all of it is shown by its parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    """Return MACs, parameters and activation memory of the parts of a net, as bars."""
    lines = _merged(_stages(levels, heats, levels.top))
    # 1 where all are zero: their bars have no length.
    longest = {
        name: max((_value(line.values, name) for line in lines), default=0.0) or 1.0
        for name in QUANTITIES
    }
    bars = [
        Bar(
            label=line.label,
            texts=[_text(line, name) for name in QUANTITIES],
            shares=[_value(line.values, name) / longest[name] for name in QUANTITIES],
        )
        for line in lines
    ]
    note = "×N: the row counts all N blocks; only the first of them is drawn."
    return Bars(("MACs", "parameters", "activation memory"), bars, note)


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
    # The boxes and frames that no frame holds, in the order of execution.
    items: list[Box | Group] = [box for box in level.drawing.boxes if not box.group and box.nodes]
    items += [group for group in level.drawing.groups if not group.parent and group.nodes]
    items.sort(key=lambda item: min(item.nodes))
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
    sums = []
    for label in sorted(by_label, key=lambda label: label == _JOINS):
        alike = by_label[label]
        values: dict[str, float | None] = {}
        for name in QUANTITIES:
            known = [value for line in alike if (value := line.values.get(name)) is not None]
            values[name] = sum(known) if known else None
        sums.append(Line(label, values, any(line.partial for line in alike)))
    return [line for line in sums if line.partial or any(v != 0 for v in line.values.values())]
