"""How a text that archlab did not write stands in each format: names of modules, files, classes.

Such a text may hold what a terminal, a spreadsheet or a page of Markdown would act on. JSON, SVG
and HTML have escapes of their own, where they are written.
"""

from __future__ import annotations

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
