"""Columns from the types of a row's fields, and the depth of a path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from archlab.result.table import Column, Unit, columns, depth


@dataclass(frozen=True, slots=True)
class Row:
    path: Annotated[str, "module"]
    own: int
    bytes: Annotated[int | None, "size", Unit.BYTES]


def test_a_field_with_a_heading_is_a_column() -> None:
    assert columns(Row) == (Column("path", "module"), Column("bytes", "size", Unit.BYTES))


def test_depth_counts_the_levels_below_the_model() -> None:
    assert [depth(path) for path in ("", "layer1", "layer1.0.conv1")] == [0, 1, 3]
