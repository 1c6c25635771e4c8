"""The facts about an operator overload that the tracer needs, derived once per process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from archlab.ir.kinds import Kind
from archlab.tracer import shapes
from archlab.tracer.operators import READERS, reader_by_tag
from archlab.tracer.readers import Reader, attention, function


@dataclass(frozen=True, slots=True)
class Operator:
    """What is known of one overload."""

    name: str
    names: tuple[str, ...]  # of the arguments
    defaults: Mapping[str, Any]
    reader: Reader
    shape: shapes.Rule | None
    writes: tuple[str, ...]  # arguments that it changes in place
    view: bool  # its result shares the memory of an argument
    random: bool  # draws numbers
    query: bool  # of a property that a fake tensor has no field for, such as its device
    composite: bool  # has no line in READERS: it is taken apart into the operators that it calls

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name, defaults filled in, in the order of the schema."""
        return {**self.defaults, **dict(zip(self.names, args, strict=False)), **kwargs}


def of_functions(name: str) -> Operator:
    """Return the facts about an operator that takes functions, which has no schema, by its name."""
    # What the score function of flex_attention computes is left out, as torch fuses it.
    is_attention = name.rpartition(".")[2].startswith("flex_attention")
    names = ("query", "key", "value") if is_attention else ("function", "first", "second", "third")
    reader = attention if is_attention else function(Kind.OPAQUE)
    facts = dict.fromkeys(("view", "random", "query", "composite"), False)
    return Operator(name, names, {}, reader, None, (), **facts)


@cache  # a net calls few distinct operators often
def operator(func: Any) -> Operator:
    """Return the facts about an `OpOverload`."""
    arguments = func._schema.arguments  # the schema has no public accessor
    namespace, _, bare = func._schema.name.partition("::")
    overload = func._schema.overload_name or "default"
    reader = READERS.get(f"{namespace}.{bare}") or READERS.get(f"{namespace}.{bare.rstrip('_')}")
    writes = tuple(
        argument.name
        for argument in arguments
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    pointwise = torch.Tag.pointwise in func.tags
    rule = shapes.SHAPES.get(f"{namespace}.{bare}.{overload}")
    if rule is None and pointwise and bare.strip("_") not in shapes.NOT_FLOAT:
        if not writes:
            rule = shapes.pointwise
        elif writes == (arguments[0].name,):
            rule = shapes.in_place
    query = namespace == "prim"
    composite = (
        reader is None
        and not query
        and torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")
    )
    return Operator(
        name=f"{namespace}.{bare}",
        names=tuple(argument.name for argument in arguments),
        defaults={
            argument.name: argument.default_value if argument.has_default_value() else None
            for argument in arguments
        },
        reader=reader or reader_by_tag(func, pointwise=pointwise, writes=bool(writes)),
        shape=rule,
        writes=writes,
        view=not writes and any(value.alias_info is not None for value in func._schema.returns),
        random=torch.Tag.nondeterministic_seeded in func.tags,
        query=query,
        composite=composite,
    )
