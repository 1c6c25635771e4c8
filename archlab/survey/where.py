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
Rule = Callable[[Values], Any]

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
_COMPUTE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_EXAMPLE = "Example: \"macs < 1e9 and rf > 200 and 'resnet' in model\"."


def condition(text: str, columns: Collection[str]) -> Callable[[Values], bool]:
    """Return a function that tells whether a row is chosen.

    Raises:
        OptionError: no condition, an unknown column, or anything that is not allowed.

    Example:
        >>> condition("a < 2 and 'net' in b", ("a", "b"))({"a": 1, "b": "resnet"})
        True
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = getattr(error, "msg", None) or "too deep"
        raise OptionError(f"{keyword('where', text)} is no condition: {why}. {_EXAMPLE}") from None
    rule = _Reader(text, columns).rule(tree.body)

    def chosen(values: Values) -> bool:
        try:
            return rule(values) is True
        except TypeError as error:
            raise OptionError(
                f"{keyword('where', text)} mixes texts and numbers: {error}."
            ) from error

    return chosen


class _Reader:
    """Turns the parts of one condition into functions of a row."""

    def __init__(self, text: str, columns: Collection[str]) -> None:
        self._text, self._columns = text, columns

    def rule(self, node: ast.expr) -> Rule:
        """Return the function of one part."""
        readers: dict[type[ast.expr], Callable[[Any], Rule]] = {
            ast.BoolOp: self._logic,
            ast.UnaryOp: self._unary,
            ast.BinOp: self._arithmetic,
            ast.Compare: self._comparison,
            ast.Name: self._column,
            ast.Constant: self._constant,
            ast.Tuple: self._list,
            ast.List: self._list,
        }
        if type(node) not in readers:
            raise self._refused(node)
        return readers[type(node)](node)

    def _refused(self, node: ast.AST) -> OptionError:
        part = ast.get_source_segment(self._text.strip(), node) if hasattr(node, "lineno") else ""
        return OptionError(
            f"{keyword('where', self._text)}: {part or type(node).__name__!r} is not allowed. "
            f"Allowed: columns, numbers, texts, comparisons, and, or, not, in, + - * /. {_EXAMPLE}"
        )

    def _column(self, node: ast.Name) -> Rule:
        name = node.id
        if name not in self._columns:
            raise OptionError(
                f"{keyword('where', self._text)}: there is no column {name!r}."
                f"{did_you_mean(name, self._columns)} The columns are: {', '.join(self._columns)}."
            )
        return lambda values: values[name]

    def _constant(self, node: ast.Constant) -> Rule:
        value = node.value
        if not isinstance(value, int | float | str | bool | None):
            raise self._refused(node)
        return lambda _: value

    def _list(self, node: ast.Tuple | ast.List) -> Rule:
        rules = [self.rule(part) for part in node.elts]
        return lambda values: [rule(values) for rule in rules]

    def _logic(self, node: ast.BoolOp) -> Rule:
        parts = [self.rule(part) for part in node.values]
        decides = isinstance(node.op, ast.Or)  # one True decides an `or`, one False an `and`

        def rule(values: Values) -> bool | None:
            truths = [self._truth(part(values)) for part in parts]
            if decides in truths:
                return decides
            return None if None in truths else not decides

        return rule

    def _unary(self, node: ast.UnaryOp) -> Rule:
        inner = self.rule(node.operand)
        if isinstance(node.op, ast.Not):

            def negated(values: Values) -> bool | None:
                truth = self._truth(inner(values))
                return None if truth is None else not truth

            return negated
        if isinstance(node.op, ast.USub):
            return lambda values: None if (value := inner(values)) is None else -value
        raise self._refused(node)

    def _truth(self, value: Any) -> bool | None:
        if isinstance(value, bool | None):
            return value
        raise OptionError(
            f"{keyword('where', self._text)}: {value!r} is neither true nor false; compare it. "
            f"{_EXAMPLE}"
        )

    def _arithmetic(self, node: ast.BinOp) -> Rule:
        if type(node.op) not in _COMPUTE:
            raise self._refused(node)
        compute = _COMPUTE[type(node.op)]
        left, right = self.rule(node.left), self.rule(node.right)

        def rule(values: Values) -> Any:
            one, other = left(values), right(values)
            if one is None or other is None or (compute is operator.truediv and other == 0):
                return None
            return compute(one, other)

        return rule

    def _comparison(self, node: ast.Compare) -> Rule:
        if any(type(op) not in _COMPARE for op in node.ops):
            raise self._refused(node)
        parts = (node.left, *node.comparators)
        sides = [self.rule(part) for part in parts]
        asks = any(isinstance(part, ast.Constant) and part.value is None for part in parts)
        compare = [_COMPARE[type(op)] for op in node.ops]

        def rule(values: Values) -> bool | None:
            terms = [side(values) for side in sides]
            if None in terms and not asks:
                return None
            pairs = itertools.pairwise(terms)
            return all(holds(*pair) for holds, pair in zip(compare, pairs, strict=True))

        return rule
