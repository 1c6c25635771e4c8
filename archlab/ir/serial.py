"""Converts a Graph to plain dictionaries (JSON) and back; a schema version guards the reader."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from archlab.errors import SpecError
from archlab.ir.graph import Failure, Gap, Graph, Module, ModuleCall, Node, Param, TensorSpec
from archlab.ir.kinds import ATTRS, Kind

SCHEMA = "archlab.graph/1"
_PARTS = {
    "tensors": TensorSpec,
    "params": Param,
    "modules": Module,
    "calls": ModuleCall,
    "gaps": Gap,
}


def to_dict(graph: Graph) -> dict[str, Any]:
    """Return the graph as JSON-ready dictionaries and lists."""
    return {"schema": SCHEMA, **_plain(graph)}


def from_dict(record: dict[str, Any]) -> Graph:
    """Rebuild the graph that `to_dict` wrote.

    Raises:
        SpecError: the record has another schema.
    """
    if record.get("schema") != SCHEMA:
        raise SpecError(
            f"This is not a graph of schema {SCHEMA!r}: the file says {record.get('schema')!r}. "
            "Write it again with this version of archlab."
        )
    # A file that is older than a field lacks it, and the field's default stands for that.
    names = [field.name for field in fields(Graph) if field.name in record]
    parts = {name: _tuple(record[name]) for name in names}
    for name in ("nodes", "recomputed"):
        parts[name] = tuple(map(_node, record.get(name, ())))
    for name, kind in _PARTS.items():
        parts[name] = tuple(kind(**_tupled(part)) for part in record.get(name, ()))
    if record["failure"] is not None:
        parts["failure"] = Failure(**_tupled(record["failure"]))
    return Graph(**parts)


def _plain(value: Any) -> Any:
    """Turn dataclasses into dictionaries, tuples into lists; attributes keep their class name."""
    if is_dataclass(value) and not isinstance(value, type):
        record = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        if type(value).__name__ in ATTRS:
            record["type"] = type(value).__name__
        return record
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, Kind) else value


def _tupled(record: dict[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in record.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(part) for part in value) if isinstance(value, list) else value


def _node(record: dict[str, Any]) -> Node:
    attrs = _tupled(record["attrs"])
    kind = ATTRS[attrs.pop("type")]
    return Node(**_tupled(record) | {"kind": Kind(record["kind"]), "attrs": kind(**attrs)})
