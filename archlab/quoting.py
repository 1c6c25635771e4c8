"""How a text that archlab did not write stands in each format: names of modules, files, classes.

Such a text may hold what a terminal, a spreadsheet or a page of Markdown would act on. JSON, SVG
and HTML have escapes of their own, where they are written.
"""

from __future__ import annotations

from unicodedata import category, east_asian_width

# What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@＝＋－＠")  # the latter as they are typed in East Asia
# HTML, links, code, emphasis, and the bar that ends a cell.
_MARKDOWN = str.maketrans(
    {"&": "&amp;", "<": "&lt;", **{sign: f"\\{sign}" for sign in "\\`*[]|"}},
)


def visible(text: str) -> str:
    r"""Return one line of text, with an escape for each character that would not show as one.

    Example:
        >>> visible("a\x1b[2Jb"), visible("Größe ×2"), visible("\u202egnp.exe")
        ('a\\x1b[2Jb', 'Größe ×2', '\\u202egnp.exe')
    """
    # Control characters, marks that turn the direction of reading, halves of a surrogate pair.
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape", "surrogatepass").decode()
        for sign in text
    )


def visible_lines(text: str) -> str:
    """Return a text of several lines, each as `visible` has it."""
    return "\n".join(map(visible, text.split("\n")))


def columns(text: str) -> int:
    """Return how many columns of a terminal a visible text takes: two for a sign of East Asia.

    Example:
        >>> columns("conv"), columns("卷积"), columns("e\u0301")
        (4, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if category(sign) in ("Mn", "Me") else 2 if east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def shortened(text: str, most: int) -> str:
    """Return a visible text that takes at most so many columns, with an ellipsis for what is cut.

    It is cut nearer to its front: the end of a path tells modules apart.

    Example:
        >>> shortened("layer1.0.conv1", 10), shortened("conv1", 10)
        ('lay….conv1', 'conv1')
    """
    if columns(text) <= most:
        return text
    head = _start(text, (most - 1) // 3)
    tail = _start(text[::-1], most - 1 - columns(head))[::-1]
    return f"{head}…{tail}"


def _start(text: str, most: int) -> str:
    """Return as much of a text as fits."""
    end = taken = 0
    for end, sign in enumerate(text):
        taken += columns(sign)
        if taken > most:
            return text[:end]
    return text


def markdown(text: str) -> str:
    r"""Return one line of text that Markdown shows as it is.

    Example:
        >>> markdown("a|b <script>"), markdown("[x](javascript:y)")
        ('a\\|b &lt;script>', '\\[x\\](javascript:y)')
    """
    return visible(text).translate(_MARKDOWN)


def csv_cell(value: object) -> object:
    """Return a cell of CSV; a text that a spreadsheet would compute begins with an apostrophe.

    Example:
        >>> csv_cell("=1+1"), csv_cell("layer1.0"), csv_cell(-3)
        ("'=1+1", 'layer1.0', -3)
    """
    if not isinstance(value, str):
        return value
    text = visible_lines(value)  # CSV has a place for line breaks
    # A text that begins with an apostrophe already gets one more, so that reading takes one away.
    return f"'{text}" if text.lstrip("'").startswith(_FORMULA) else text


def csv_text(cell: str) -> str:
    """Return the text that `csv_cell` made a cell of.

    Example:
        >>> csv_text("'=1+1"), csv_text("'s")
        ('=1+1', "'s")
    """
    guarded = cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA)
    return cell[1:] if guarded else cell
