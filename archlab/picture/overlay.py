"""Numbers of the reader's own as heat on a drawing: a latency, a sparsity, by module.

A value belongs to a module and is not split. A box has the value of its module, or what the modules
in it make together: the sum of amounts, the mean of everything else.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

from archlab.errors import OptionError, keyword, shown
from archlab.files import read_text, reason
from archlab.fold.drawing import Amounts, Box, Drawing, Group, Heat
from archlab.ir.graph import Graph
from archlab.quoting import csv_text

# Units of amounts, which add up: time, memory, energy, money, counts.
_AMOUNTS = frozenset(
    """
    s ms us µs μs ns min h b byte bytes kb mb gb kib mib gib bit bits j mj kj wh kwh cycles flop
    flops mflops gflops macs mmacs gmacs params calls count $ eur usd
    """.split()  # noqa: SIM905  a list of words reads better as text
)
_NAMED = 3  # unknown paths that a message names

OverlayLike = Mapping[str, Any] | str | PathLike[str]


@dataclass(frozen=True, slots=True)
class Overlay:
    """A measure and its values by module path; whoever makes one has checked them."""

    measure: str
    unit: str
    values: Mapping[str, float]

    @property
    def adds_up(self) -> bool:
        """Whether the values of two modules together are their sum; else it is the mean."""
        return self.unit.lower() in _AMOUNTS

    @property
    def title(self) -> str:
        """What the heat is called."""
        if self.adds_up:
            return self.measure
        return f"mean {self.measure}{f', {self.unit}' if self.unit else ''}"


def overlay_of(source: Overlay | OverlayLike) -> Overlay:
    """Return the overlay that a file or a mapping holds.

    A mapping has values by module path, or one entry: the measure, with such a mapping.

    Raises:
        OptionError: a file that cannot be read or is no such table, or a value that is no number
            of 0 or more.

    Example:
        >>> overlay_of({"latency, ms": {"conv1": 1.5}}).unit
        'ms'
    """
    if isinstance(source, Overlay):
        return source
    if isinstance(source, Mapping):
        nested = len(source) == 1 and isinstance(next(iter(source.values())), Mapping)
        heading, values = next(iter(source.items())) if nested else ("value", source)
        return _checked("a mapping", str(heading), values.items())
    if not isinstance(source, str | PathLike):
        raise _refused(shown(source), "a file, or a mapping of values by module path, is wanted")
    path = Path(source)
    try:
        if path.is_dir():
            raise _refused(path, "it is a folder; a file is wanted")
        text = read_text(path)
    except UnicodeDecodeError as error:
        raise _refused(path, "it is no text in UTF-8") from error
    except (OSError, ValueError) as error:
        raise _refused(path, reason(error)) from error
    return _checked(path, *_table(path, text))


def _table(path: Path, text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the heading of the values, and the rows."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise _refused(path, "it has a header and no rows" if lines else "it is empty")
    # In the first row of values: a heading may hold a comma of its own, as in `latency, ms`.
    separator = max(";\t,", key=lines[1].count)
    try:
        heading, *rows = filter(any, csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error as error:
        raise _refused(path, f"it is no CSV: {error}") from error
    if separator == "," and len(heading) == 3:
        heading = [heading[0], ",".join(heading[1:])]
    for number, row in enumerate([heading, *rows], 1):
        if len(row) != 2:
            columns = "1 column" if len(row) == 1 else f"{len(row)} columns"
            raise _refused(
                path, f"row {number} has {columns}; two are wanted: module path and value"
            )
    if _is_number(heading[1]):
        raise _refused(path, "its first row is no header, such as: module,latency (ms)")
    return heading[1], [(csv_text(row[0].strip()), row[1].strip()) for row in rows]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _checked(source: Path | str, heading: str, pairs: Iterable[tuple[Any, Any]]) -> Overlay:
    """Return the overlay of a heading such as `latency, ms`, and values by path."""
    measure, _, unit = map(str.strip, heading.partition(","))
    if heading.endswith(")") and not unit:
        measure, _, unit = map(str.strip, heading[:-1].partition("("))
    values: dict[str, float] = {}
    for path, given in pairs:
        if path in values:
            raise _refused(source, f"{path!r} is there twice")
        if not isinstance(path, str):
            raise _refused(source, f"{shown(path)} is no module path")
        try:
            # A decimal comma, as it stands beside semicolons.
            value = float(given.replace(",", ".") if isinstance(given, str) else given)
        except (TypeError, ValueError, OverflowError) as error:
            raise _refused(
                source, f"{shown(given)}, the value of {path!r}, is no number"
            ) from error
        if not isfinite(value) or value < 0:
            fault = "below 0" if value < 0 and isfinite(value) else "not finite"
            raise _refused(source, f"{value:g}, the value of {path!r}, is {fault}")
        values[path] = value
    if not values:
        raise _refused(source, "it has no values")
    return Overlay(measure or "value", unit, values)


def _refused(source: Path | str, why: str) -> OptionError:
    return OptionError(f"{keyword('overlay')} {source}: {why}.")


def overlay_notes(graph: Graph, overlay: Overlay) -> tuple[str, ...]:
    """Return what to say below the drawing: what the heat is, and which paths are no modules.

    Raises:
        OptionError: not one path is a module.
    """
    known = [path for path in overlay.values if path in graph.module]
    matched = f"{len(known)} of {len(overlay.values)} paths are modules of {graph.name}"
    lost = _not_found(graph, overlay)
    if not known:
        raise OptionError(f"{keyword('overlay')}: {matched}. Not found: {lost}.")
    unit = f", {overlay.unit}" if overlay.unit else ""
    how = "the sum" if overlay.adds_up else "the mean, not weighted,"
    total = f", {sum(overlay.values[path] for path in _tops(known, known)):.6g} in all"
    note = (
        f"overlay: {overlay.measure}{unit}{total if overlay.adds_up else ''}; a box shows its "
        f"module's value, or {how} of the modules in it"
    )
    return (note, f"overlay: {matched}; not found: {lost}") if lost else (note,)


def unmatched(graph: Graph, overlay: Overlay) -> list[str]:
    """Return a sentence about the paths that are no modules, if there are any."""
    lost = sum(path not in graph.module for path in overlay.values)
    if not lost:
        return []
    how = "is no module" if lost == 1 else "are no modules"
    return [
        f"{lost} of {len(overlay.values)} paths of the overlay {how} of {graph.name}, and left "
        f"out: {_not_found(graph, overlay)}."
    ]


def _not_found(graph: Graph, overlay: Overlay) -> str:
    """Return the paths that are no modules, with the nearest that are."""
    unknown = [path for path in overlay.values if path not in graph.module]
    more = f" and {len(unknown) - _NAMED} more" if len(unknown) > _NAMED else ""
    return ", ".join(_with_nearest(path, graph) for path in unknown[:_NAMED]) + more


def _with_nearest(path: str, graph: Graph) -> str:
    near = get_close_matches(path, [name for name in graph.module if name], n=1)
    return f"{path} (nearest: {near[0]})" if near else path


def overlaid(drawing: Drawing, graph: Graph, overlay: Overlay) -> Drawing:
    """Return the drawing with the overlay as its heat."""
    value_of = _values(drawing, graph, overlay)
    boxes = tuple(replace(box, amounts=_heated(box, value_of)) for box in drawing.boxes)
    groups = tuple(replace(group, amounts=_heated(group, value_of)) for group in drawing.groups)
    shown = [box.amounts.heat for box in boxes if box.amounts.heat is not None]
    tops = _tops(overlay.values, [path for path in overlay.values if path in graph.module])
    heat = Heat(
        measure="overlay",
        title=overlay.title,
        share=overlay.adds_up,
        low=min(shown, default=0.0) if overlay.adds_up else min([0.0, *shown]),
        high=max(shown, default=0.0),
        total=sum(overlay.values[path] for path in tops) if overlay.adds_up else None,
        linear=not overlay.adds_up,
    )
    insets = tuple(
        replace(inset, drawing=replace(overlaid(inset.drawing, graph, overlay), heat=heat))
        for inset in drawing.insets
    )
    return replace(drawing, boxes=boxes, groups=groups, heat=heat, insets=insets)


def _heated(item: Box | Group, value_of: Callable[[Box | Group], float | None]) -> Amounts:
    return replace(item.amounts, heat=value_of(item))


def _values(
    drawing: Drawing, graph: Graph, overlay: Overlay
) -> Callable[[Box | Group], float | None]:
    """Return what tells the value of a box or group, None where no module in it has one."""
    drawn = {node for box in drawing.boxes for node in box.nodes}
    nodes = {path: set[int]() for path in overlay.values if path in graph.module}
    holders: dict[str, list[str]] = {}  # path of an operator -> the modules with values around it
    for node in graph.nodes:
        if node.id not in drawn:
            continue
        if node.path not in holders:
            holders[node.path] = [path for path in _around(node.path) if path in nodes]
        for path in holders[node.path]:
            nodes[path].add(node.id)
    parents = {up for node in graph.nodes for up in _around(node.path) if up != node.path}
    for path, own in nodes.items():
        # A module that is called in several boxes counts in the first of them.
        if path not in parents and own:
            nodes[path] = {min(own)}

    def value_of(item: Box | Group) -> float | None:
        inside = set(item.nodes)
        paths = [path for path, own in nodes.items() if own and own <= inside]
        values = [overlay.values[path] for path in _tops(paths, paths)]
        if not values:
            return None
        return sum(values) if overlay.adds_up else sum(values) / len(values)

    return value_of


def _around(path: str) -> list[str]:
    """Return a path and those of the modules around it, the model's own last."""
    parts = path.split(".") if path else []
    return [".".join(parts[:n]) for n in range(len(parts), -1, -1)]


def _tops(paths: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return the known paths that lie in no other one of them."""
    inside = set(known)
    return [path for path in paths if path in inside and not inside.intersection(_around(path)[1:])]
