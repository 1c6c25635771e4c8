"""A model's numbers held against limits, for CI."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from archlab.errors import OptionError, keyword, shown
from archlab.result import Column, Header, Missing, Result, si, size

# Limits, by the names of arguments and options, and what the rows of an answer call them.
OPTIONS = {
    "max_params": "params", "max_macs": "macs", "max_flops": "flops",
    "max_peak": "inference_peak", "max_training": "training",
}  # fmt: skip
Amount = int | float | str
_BYTES = frozenset({"inference_peak", "training"})
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True, slots=True)
class BudgetTotals:
    """`passed` only where every limit holds and nothing relevant is uncounted."""

    passed: bool
    checked: int
    over: int


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One limit; `value` is None where the number is unavailable."""

    path: str
    value: int | None
    limit: int
    verdict: str
    shown: str
    allowed: str


# Not declared in the row: the table has the verdict last, JSON before the two texts.
COLUMNS = (
    Column("path", "number"),
    Column("shown", "measured"),
    Column("allowed", "limit"),
    Column("verdict", "verdict"),
)


def limits(amounts: Mapping[str, Amount]) -> dict[str, int]:
    """Return limits from numbers and from texts such as 5M, 1.8G, 64MiB, by the names of rows.

    The given names are those of options (max_peak) or of rows (inference_peak).

    Example:
        >>> limits({"params": "11.7M", "inference_peak": "64 MiB", "macs": 600})
        {'params': 11700000, 'inference_peak': 67108864, 'macs': 600}

    Raises:
        OptionError: no limit at all, one given twice, or one that is no amount above 0.
    """
    if not amounts:
        raise OptionError(
            f"Nothing to check: give {keyword('max_params')}, {keyword('max_macs')}, "
            f"{keyword('max_peak')} … with a limit."
        )
    for option, name in OPTIONS.items():
        if option in amounts and name in amounts:
            raise OptionError(f"{option} and {name} are the same limit: leave one of them out.")
    return {OPTIONS.get(name, name): _amount(name, amount) for name, amount in amounts.items()}


def budget(
    header: Header,
    values: Mapping[str, float | None],
    allowed: Mapping[str, int],
    missing: tuple[Missing, ...],
) -> Result[BudgetTotals, BudgetRow]:
    """Return each limit with the measured value, both by the names of rows, and a verdict."""
    rows = tuple(_row(name, values[name], limit, missing) for name, limit in allowed.items())
    over = sum(row.verdict != "within" for row in rows)
    return Result(
        name="check",
        header=header,
        totals=BudgetTotals(passed=over == 0, checked=len(rows), over=over),
        rows=rows,
        columns=COLUMNS,
        missing=missing,
        footer=("within budget" if over == 0 else f"{over} of {len(rows)} limits not held",),
    )


def _row(name: str, value: float | None, limit: int, missing: tuple[Missing, ...]) -> BudgetRow:
    # A partial count is a lower bound: it can be over a limit, but never surely within one.
    partial = name in ("macs", "flops") and bool(missing)
    if value is None:
        verdict = "unavailable"
    elif value > limit:
        verdict = f"OVER by {100 * (value / limit - 1):.1f} %" if limit else "OVER"
    else:
        verdict = "not certain: some operators are not counted" if partial else "within"
    # A limit is compared as the user typed it: bytes in powers of 1024, counts in powers of 1000.
    show = size if name in _BYTES else si
    exact = None if value is None else int(value)
    shown = "-" if exact is None else f"{exact:,} ({show(exact)})"
    return BudgetRow(name, exact, limit, verdict, shown, f"{limit:,} ({show(limit)})")


def _amount(name: str, amount: Amount) -> int:
    number = _number(amount)
    if not 0 < number < math.inf:
        raise OptionError(
            f"The limit {shown(amount)} of {name} is no amount. Allowed: numbers above 0, such as "
            "5M, 1.8G, 60000, 64MiB."
        )
    return math.floor(number)


def _number(amount: Amount) -> float:
    """Return the amount, or NaN where it is none."""
    if isinstance(amount, int | float) and not isinstance(amount, bool):
        return amount
    text = amount.upper() if isinstance(amount, str) else ""
    match = re.fullmatch(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", text)
    if match is None:
        return math.nan
    prefix = match[2] or ""
    factor: int = (1024 if prefix.endswith("I") else 1000) ** _POWERS.get(prefix[:1], 0)
    number = float(match[1].replace("_", "")) * factor
    return round(number) if math.isfinite(number) else math.inf
