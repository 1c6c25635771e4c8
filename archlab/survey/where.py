"""`macs < 1e9 and rf > 200`: a condition on columns, parsed and never evaluated as code.

Comparisons, and/or/not, + - * / and parentheses, `in` for parts of texts and for lists. A number
that is missing makes a comparison unknown, and an unknown row is not chosen, as in SQL;
`training == None` asks for it.
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

from archlab.errors import OptionError, did_you_mean, keyword

Values = Mapping[str, Any]

_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda one, other: one in other,
    ast.NotIn: lambda one, other: one not in other,
}
# No power: a condition such as 9**9**9**9 would take all memory and never end.
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_LONGEST, _DEEPEST = 2_000, 50
_EXAMPLE = "Example: \"macs < 1e9 and rf > 200 and 'resnet' in model\"."


def condition(text: str, columns: Collection[str]) -> Callable[[Values], bool]:
    """Return a function that tells whether a row is chosen.

    Raises:
        OptionError: no condition, an unknown column, or anything that is not allowed.

    Example:
        >>> condition("a < 2 and 'net' in b", ("a", "b"))({"a": 1, "b": "resnet"})
        True
    """
    if len(text) > _LONGEST:
        raise OptionError(
            f"{keyword('where')}: a condition of {len(text):,} characters; {_LONGEST:,} are the "
            f"most. {_EXAMPLE}"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or "too deep"
        raise OptionError(f"{keyword('where', text)} is no condition: {why}. {_EXAMPLE}") from None
    body = _Condition(text, columns)
    body.check(tree.body, 0)

    def chosen(values: Values) -> bool:
        try:
            return body.value(tree.body, values) is True
        except TypeError as error:
            raise OptionError(
                f"{keyword('where', text)} mixes texts and numbers: {error}."
            ) from error

    return chosen


class _Condition:
    """Checks the parts of a condition, and computes them for a row."""

    def __init__(self, text: str, columns: Collection[str]) -> None:
        self._text, self._columns = text, columns

    def check(self, node: ast.expr, depth: int) -> None:
        """Raise unless a part, `depth` parts deep, and all parts of it are allowed."""
        if depth > _DEEPEST:
            raise OptionError(
                f"{keyword('where')}: a condition of more than {_DEEPEST} parts inside each "
                f"other. {_EXAMPLE}"
            )
        match node:
            case ast.Name(id=name) if name not in self._columns:
                raise OptionError(
                    f"{keyword('where', self._text)}: there is no column {name!r}."
                    f"{did_you_mean(name, self._columns)} The columns are: "
                    f"{', '.join(self._columns)}."
                )
            case ast.Name() | ast.BoolOp() | ast.Tuple() | ast.List():
                allowed = True
            case ast.Constant(value=value):
                allowed = isinstance(value, int | float | str | bool | None)
            case ast.UnaryOp(op=operation):
                allowed = isinstance(operation, ast.Not | ast.USub)
            case ast.BinOp(op=operation):
                allowed = type(operation) in _COMPUTE
            case ast.Compare(ops=operations):
                allowed = all(type(operation) in _COMPARE for operation in operations)
            case _:
                allowed = False
        if not allowed:
            source = ast.get_source_segment(self._text.strip(), node)
            raise OptionError(
                f"{keyword('where', self._text)}: {source or type(node).__name__!r} is not "
                "allowed. Allowed: columns, numbers, texts, comparisons, and, or, not, in, "
                f"+ - * /. {_EXAMPLE}"
            )
        for part in _parts(node):
            self.check(part, depth + 1)

    def value(self, node: ast.expr, values: Values) -> Any:
        """Return what a part is for a row; None where it is not known."""
        parts = [self.value(part, values) for part in _parts(node)]
        match node:
            case ast.Name(id=name):
                return values[name]
            case ast.Constant(value=value):
                return value
            case ast.BoolOp(op=operation):
                return _joined([self._truth(part) for part in parts], isinstance(operation, ast.Or))
            case ast.UnaryOp(op=ast.Not()):
                return None if self._truth(parts[0]) is None else not parts[0]
            case ast.UnaryOp():
                return None if parts[0] is None else self._computed(ast.Sub(), [0, parts[0]])
            case ast.BinOp(op=operation):
                unknown = None in parts or (isinstance(operation, ast.Div) and parts[1] == 0)
                return None if unknown else self._computed(operation, parts)
            case ast.Compare():
                return _compared(node, parts)
        return parts

    def _computed(self, operation: ast.operator, parts: list[Any]) -> float | None:
        # "a" * 9999999999 would take all memory.
        if not all(isinstance(part, int | float) for part in parts):
            raise OptionError(
                f"{keyword('where', self._text)}: only numbers are computed with. {_EXAMPLE}"
            )
        try:
            result: float = _COMPUTE[type(operation)](*parts)
        except OverflowError:  # a quotient beyond all floats is not known
            return None
        return result

    def _truth(self, value: Any) -> bool | None:
        if isinstance(value, bool | None):
            return value
        raise OptionError(
            f"{keyword('where', self._text)}: {value!r} is neither true nor false; compare it. "
            f"{_EXAMPLE}"
        )


def _parts(node: ast.expr) -> list[ast.expr]:
    return [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]


def _joined(truths: list[bool | None], decisive: bool) -> bool | None:  # noqa: FBT001
    # As in SQL: one True decides an `or`, one False an `and`, whatever the others are.
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _compared(node: ast.Compare, terms: list[Any]) -> bool | None:
    # `training == None` asks for what is not known; any other comparison with it is not known.
    asks = any(isinstance(part, ast.Constant) and part.value is None for part in _parts(node))
    if None in terms and not asks:
        return None
    pairs = zip(node.ops, itertools.pairwise(terms), strict=True)
    return all(_COMPARE[type(operation)](*pair) for operation, pair in pairs)
