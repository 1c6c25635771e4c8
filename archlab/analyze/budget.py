"""A model's numbers held against limits, for CI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from archlab.errors import OptionError, keyword
from archlab.result import Column, Header, Missing, Result, si, size

LIMITS = ("params", "macs", "flops", "inference_peak", "training")
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


def limits(texts: Mapping[str, str]) -> dict[str, int]:
    """Return limits from texts such as 5M, 1.8G, 64MiB.

    Example:
        >>> limits({"params": "11.7M", "inference_peak": "64MiB"})
        {'params': 11700000, 'inference_peak': 67108864}

    Raises:
        OptionError: no limit at all, or a text that is no amount.
    """
    if not texts:
        raise OptionError(
            f"Nothing to check: give {keyword('max_params')}, {keyword('max_macs')}, "
            f"{keyword('max_peak')} … with a limit."
        )
    return {name: _amount(name, text) for name, text in texts.items()}


def budget(
    header: Header,
    values: Mapping[str, float | None],
    allowed: Mapping[str, int],
    missing: tuple[Missing, ...],
) -> Result[BudgetTotals, BudgetRow]:
    """Return each limit with the measured value, both by the names of LIMITS, and a verdict."""
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


def _amount(name: str, text: str) -> int:
    match = re.fullmatch(r"\s*(\d[\d_]*(?:\.\d+)?)\s*([KMGT]I?)?B?\s*", text.upper())
    if match is None:
        raise OptionError(
            f"The limit {text!r} of {name} is no amount. Examples: 5M, 1.8G, 60000, 64MiB."
        )
    prefix = match[2] or ""
    factor: int = (1024 if prefix.endswith("I") else 1000) ** _POWERS.get(prefix[:1], 0)
    return round(float(match[1].replace("_", "")) * factor)
