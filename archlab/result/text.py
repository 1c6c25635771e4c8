"""Numbers, names and tables as plain text: SI for counts, MiB for memory, columns that fit."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence

from archlab.quoting import visible
from archlab.result.table import Cell, Column, Table, Unit, nested

# Characters that a text column keeps, however narrow the screen: enough to tell paths apart.
_NARROWEST = 12


def with_times(shapes: str) -> str:
    """Return a text with × between sizes.

    Example:
        >>> with_times("x=1x3x32x32 float32")
        'x=1×3×32×32 float32'
    """
    return re.sub(r"(?<=\d)x(?=\d)", "×", shapes)


def si(value: float, digits: int = 4, *, zeros: bool = True) -> str:
    """Return a count with an SI prefix (base 1000), rounded to so many significant digits.

    Example:
        >>> si(1_814_073_344), si(640), si(0)
        ('1.814 G', '640', '0')
        >>> si(999_999, 3), si(100_000, zeros=False)
        ('1.00 M', '100 K')
    """
    # Zeros at the end (#) make numbers below each other align.
    form = f"{'#' if zeros else ''}.{digits}g"
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "K")):
        # Rounded before it is compared: 999,999 is 1.000 M, not 1000 K.
        text = format(value / 10**power, form)
        if abs(float(text)) >= 1:
            return f"{text.rstrip('.')} {prefix}"
    return f"{value:g}"


def size(nbytes: float) -> str:
    """Return bytes in B, KiB, MiB or GiB.

    Example:
        >>> size(6_422_528)
        '6.12 MiB'
    """
    for power, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if abs(nbytes) >= 2**power:
            return f"{nbytes / 2**power:.2f} {unit}"
    return f"{nbytes:g} B"


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with a number where one comes again.

    Example:
        >>> unique_names(["net", "net"])
        ['net', 'net #2']
    """
    counts: dict[str, int] = {}
    unique = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        unique.append(name if counts[name] == 1 else f"{name} #{counts[name]}")
    return unique


def cell_text(value: Cell, unit: Unit) -> str:
    """Return one cell as text; None is a dash, never a zero.

    Example:
        >>> cell_text(11_689_512, Unit.COUNT), cell_text(None, Unit.SI)
        ('11,689,512', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, bool):
        return str(value)
    return _FORMATS.get(unit, str)(value)


_FORMATS: dict[Unit, Callable[[float], str]] = {
    Unit.COUNT: "{:,}".format,
    Unit.SI: si,
    Unit.BYTES: size,
    Unit.SHARE: lambda share: f"{100 * share:.1f} %",
    Unit.NUMBER: "{:.4g}".format,
}


def cells(table: Table) -> list[list[str]]:
    """Return the table's body as text; a tree's first column is indented below its parents."""
    body = []
    lines = nested([str(row["path"]) for row in table.rows] if table.tree else ())
    for i, row in enumerate(table.rows):
        line = [cell_text(row.get(column.name), column.unit) for column in table.columns]
        if table.tree:
            level, name = lines[i]
            # The model itself has no path: its class stands in the first line.
            line[0] = "  " * level + visible(name or str(row.get("type", "")) or table.title)
        body.append(line)
    return body


def plain(table: Table, width: int | None = None) -> str:
    """Return header, body and footer as aligned text, cut to `width` columns where given."""
    body = cells(table)
    titles = [column.title for column in table.columns]
    widths = [max(map(len, column)) for column in zip(titles, *body, strict=True)]
    if width is not None:
        widths = _fit(widths, table.columns, width)
    lines = [*_wrapped(table.header, width), ""] if table.header else []
    lines.append(_line(titles, widths, table.columns))
    lines.append("  ".join("─" * column for column in widths))
    lines += [_line(row, widths, table.columns) for row in body]
    if table.footer:
        lines += ["", *_wrapped(table.footer, width)]
    return "\n".join(line.rstrip() for line in lines)


def _wrapped(sentences: Sequence[str], width: int | None) -> list[str]:
    shown = list(map(visible, sentences))
    if width is None:
        return shown
    return [
        line
        for sentence in shown
        for line in textwrap.wrap(sentence, max(width, 40), subsequent_indent="  ") or [""]
    ]


def _fit(widths: Sequence[int], columns: Sequence[Column], width: int) -> list[int]:
    """Narrow the text columns, always the widest, until the table fits; numbers are never cut."""
    fitted = list(widths)
    while sum(fitted) + 2 * (len(fitted) - 1) > width:
        texts = [i for i, column in enumerate(columns) if column.unit == Unit.TEXT]
        widest = max(texts, key=lambda i: fitted[i], default=None)
        if widest is None or fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _line(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    texts = []
    for text, width, column in zip(row, widths, columns, strict=True):
        if len(text) > width:
            # Cut in the middle, nearer to the front: the end of a path tells modules apart.
            head = (width - 1) // 3
            text = f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
        texts.append(text.ljust(width) if column.unit == Unit.TEXT else text.rjust(width))
    return "  ".join(texts)
