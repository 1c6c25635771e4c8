"""Rows and columns ready for a view: raw cells, and how each column is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, get_origin, get_type_hints

Cell = int | float | str | bool | None


class Unit(StrEnum):
    """How a column is shown; machines always get the raw number."""

    TEXT = "text"
    COUNT = "count"  # 11,689,512
    SI = "si"  # 1.814 G
    BYTES = "bytes"  # 6.12 MiB
    SHARE = "share"  # 0 … 1, shown as 12.3 %
    NUMBER = "number"  # 2.25


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str  # of the row's field
    title: str  # the heading
    unit: Unit = Unit.TEXT


def columns(row: type) -> tuple[Column, ...]:
    """Return the columns of a dataclass: its fields whose types carry a heading, in their order.

    Example:
        >>> @dataclass
        ... class Row:
        ...     path: Annotated[str, "module"]
        ...     own: int
        ...     bytes: Annotated[int, "size", Unit.BYTES]
        >>> [column.title for column in columns(Row)]
        ['module', 'size']
    """
    hints = get_type_hints(row, include_extras=True)
    return tuple(
        Column(name, *hint.__metadata__)
        for name, hint in hints.items()
        if get_origin(hint) is Annotated
    )


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of raw cells, ready for a view; in a tree, rows are indented below their parents."""

    title: str
    header: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Cell], ...]
    footer: tuple[str, ...] = ()
    tree: bool = False


def depth(path: str) -> int:
    """Return how deep in the module tree a path is; the model itself is 0.

    Example:
        >>> depth(""), depth("layer1.0")
        (0, 2)
    """
    return path.count(".") + bool(path)


def nested(paths: Iterable[str]) -> list[tuple[int, str]]:
    """Return for each path its level below the rows that hold it, and its name below the nearest.

    Where rows are calls, a list of modules has none, as nobody calls it.

    Example:
        >>> nested(["", "blocks.0", "blocks.0.conv"])
        [(0, ''), (1, 'blocks.0'), (2, 'conv')]
    """
    levels: dict[str, int] = {}
    lines = []
    for path in paths:
        holder = path
        while holder and (holder == path or holder not in levels):
            holder = holder.rpartition(".")[0]
        levels[path] = levels.get(holder, -1) + 1 if path else 0
        lines.append((levels[path], path[len(holder) :].removeprefix(".")))
    return lines
