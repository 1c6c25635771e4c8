"""What drawings say of boxes, frames and edges; for DOT, the same as HTML labels of Graphviz."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from html import escape
from math import log10, sqrt

from archlab.fold.drawing import Amounts, Box, Drawing, Edge, Group, Role, Shape
from archlab.quoting import shortened
from archlab.result import si, size, with_times
from archlab.view.theme import Theme, heat_colour, hue

SHARES = 1000.0  # how often the smallest share that colours tell is in all
_LINE = 38  # characters a line
_NAME = 48  # of a group's name
_NARROW, _WIDE = 70, 110  # points: what every card has, and what the widest map adds
# Role of an edge -> the word that stands on it.
ROLES = {
    Role.IDENTITY: "identity",
    Role.PAD: "zero-pad",
    Role.PROJECTION: "projection",
    Role.POOL: "pool",
    Role.BYPASS: "bypass",
    Role.CONCAT: "skip",
    Role.REPEAT: "all before",
    Role.LOOP: "next turn",
}
SIGNS = {"added": "+ added", "removed": "− removed", "changed": "≠ changed"}


def text(content: str, points: float, colour: str, *, bold: bool = False) -> str:
    """Return a line of an HTML label; the colour is a hex code."""
    shown = escape(content, quote=False)
    shown = f"<B>{shown}</B>" if bold else shown
    return f'<FONT POINT-SIZE="{points:g}" COLOR="{colour}">{shown}</FONT>'


def wrapped(content: str, width: int = _LINE) -> list[str]:
    """Return the lines of a text; long words are broken, nothing is dropped."""
    return textwrap.wrap(printable(content), width, break_on_hyphens=False) or [""]


def camel(name: str, width: int = 16) -> list[str]:
    """Return a class name in short lines, broken between its words.

    Example:
        >>> camel("ShiftedWindowAttention")
        ['ShiftedWindow', 'Attention']
    """
    lines: list[str] = []
    for word in re.findall(r"[A-Z]*[^A-Z]+|[A-Z]+", name):
        if lines and len(lines[-1]) + len(word) <= width:
            lines[-1] += word
        else:
            lines += wrapped(word, width) if word.strip() else []
    return lines


def printable(content: str) -> str:
    """Return a text with spaces for line breaks and control characters."""
    return "".join(sign if sign.isprintable() else " " for sign in content)


def card(box: Box, theme: Theme, drawing: Drawing, widest: int) -> str:
    """Return the label of a box: a strip in the kind's colour, what it is, its name, its heat."""
    colours = theme.colours
    if box.shape in (Shape.SUM, Shape.PRODUCT, Shape.CONCAT):
        return _pill(box, theme)
    lines = [text(line, 11, colours["text"], bold=True) for line in wrapped(title(box))]
    lines += [text(line, 9, colours["quiet"]) for line in details(box, drawing)]
    if box.mark:
        role = box.mark if box.mark in SIGNS else "quiet"
        lines.append(text(SIGNS.get(box.mark, box.mark), 9, colours[role], bold=True))
    # The root keeps narrow maps visible beside one that is a hundred times as wide.
    width = _NARROW + (_WIDE * sqrt(box.width / widest) if box.width and widest else 0)
    times = text(f"×{box.times}", 14, colours["shortcut"], bold=True)
    cells = [
        f'<TD BGCOLOR="{colours[hue(box.kind)]}" WIDTH="9"></TD>' if box.kind else "",
        f'<TD CELLPADDING="5" ALIGN="LEFT" WIDTH="{width:.0f}">{left(lines)}</TD>',
        f'<TD CELLPADDING="5">{times}</TD>' if box.times > 1 else "",
        _heat_cell(box, theme, drawing),
    ]
    border, pen = (box.mark, 2) if box.mark in SIGNS else ("border", 1)
    back = {Shape.FAILURE: "failure", Shape.MODULE: "inner"}.get(box.shape, "card")
    return (
        f'<<TABLE BORDER="{pen}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0" '
        f'COLOR="{colours[border]}" BGCOLOR="{colours[back]}"><TR>{"".join(cells)}</TR></TABLE>>'
    )


def left(lines: Sequence[str]) -> str:
    """Return lines below each other, each at the left."""
    return "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines)


def title(box: Box) -> str:
    """Return what a box is, with what is fused into it, and what it is by its structure."""
    pattern = box.pattern if box.pattern != box.title else ""
    return " · ".join(filter(None, (box.title, *box.fused, pattern)))


def weights(box: Box) -> str:
    """Return the parameters of one repeat of a box, ⌀ where the repeats differ in width."""
    if not has_params(box.amounts):
        return "shared weights" if box.amounts.shared else ""
    return f"{'⌀ ' if box.average else ''}{params_text(box.amounts, box.repeats)}"


def params_text(amounts: Amounts, repeats: int) -> str:
    """Return the parameters of one repeat, and whether repeats, or other boxes, share any."""
    params, before = amounts.params or 0, amounts.before
    each = _each(amounts, repeats)
    was = _before(_each(before, repeats), each) if before else ""
    also = " + shared" if amounts.shared and repeats == 1 else ""
    return f"{was}{si(each, 3)} params{', shared' if each * repeats > params else also}"


def _each(amounts: Amounts, repeats: int) -> float:
    return (amounts.params or 0) / repeats if amounts.each is None else amounts.each


def _before(before: float, now: float) -> str:
    return f"{si(before, 3)} → " if before != now else ""


def has_params(amounts: Amounts) -> bool:
    """Whether there are parameters to speak of, in either of two models."""
    return bool(amounts.params or (amounts.before and amounts.before.params))


def has_macs(amounts: Amounts) -> bool:
    """Whether there are MACs to speak of, in either of two models."""
    return bool(amounts.macs or (amounts.before and amounts.before.macs))


def cost(group: Group) -> list[str]:
    """Return the parameters and MACs of one repeat of a group, without what is not known."""
    amounts, repeats = group.amounts, group.repeats
    texts = [params_text(amounts, repeats)] if has_params(amounts) else []
    texts += ["shared weights"] * (amounts.shared and not texts)
    return [*texts, macs_text(amounts, repeats)] if has_macs(amounts) else texts


def details(box: Box, drawing: Drawing) -> list[str]:
    """Return the lines below the title of a box."""
    amounts = box.amounts
    parts = (
        "" if box.name.isdigit() or box.name == box.title else box.name,
        box.holds if box.holds != box.title else "",
        box.wide,
        weights(box),
        macs_text(amounts, box.repeats) if box.shape == Shape.MODULE and has_macs(amounts) else "",
    )
    lines: list[str] = []
    for part in filter(None, parts):
        # As few lines as the parts need, and no part is split where it fits.
        if lines and len(lines[-1]) + len(part) + 3 <= _LINE:
            lines[-1] += f" · {part}"
        else:
            lines += wrapped(part)
    if box.note:
        lines += [line for fact in box.note.split("\n") for line in wrapped(fact)]
    # What a function keeps is often nothing, which its heat says.
    nothing = amounts.heat == 0 and drawing.heat is not None and drawing.heat.measure == "memory"
    if drawing.heat is not None and amounts.heat is not None and not nothing:
        lines.append(heat_text(amounts.heat, drawing, box.repeats))
    return lines


def heat_text(value: float, drawing: Drawing, repeats: int = 1) -> str:
    """Return a heat value in words: `12.3 % of MACs`, or `35 px`.

    A value is that of all repeats of the frames around: their sum, or the largest.
    """
    heat = drawing.heat
    assert heat is not None
    if repeats > 1:
        of_all = f"×{repeats} together" if heat.share else f"the largest of ×{repeats}"
        return f"{heat_text(value, drawing)}, {of_all}"
    if heat.share:
        # Bytes are what memory is asked for; of other amounts a card has the number already.
        amount = f"{size(value)}, " if heat.measure == "memory" else ""
        return f"{amount}{100 * value / heat.total if heat.total else 0:.1f} % of {heat.title}"
    if heat.title.endswith("px"):
        return f"{heat.title.removesuffix(', px')} {value:,.0f} px"
    return f"{heat.title} {value:.3g}"


def pill_sign(box: Box) -> str:
    """Return the sign of a join: ⊕ for a sum, the word for a concatenation."""
    return {"+": "⊕", "−": "⊖", "×": "⊗", "÷": "⊘"}.get(box.title, box.title)


def _pill(box: Box, theme: Theme) -> str:
    """Return a join's label: a sign for arithmetic, the width for a concatenation."""
    colours = theme.colours
    sign = pill_sign(box)
    content = text(sign, 14 if len(sign) == 1 else 10, colours["ink"], bold=True)
    after = list(box.fused)
    if box.shape == Shape.CONCAT and box.wide:
        after.append(box.wide)
    if after:
        content += text(f"  {' · '.join(after)}", 9, colours["ink"])
    border, pen = "ink", 1
    if box.mark in SIGNS:
        content += text(f"  {SIGNS[box.mark]}", 9, colours["ink"], bold=True)
        border, pen = box.mark, 3
    back = colours["join" if box.shape == Shape.CONCAT else "sum"]
    return (
        f'<<TABLE BORDER="{pen}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" STYLE="ROUNDED" '
        f'COLOR="{colours[border]}" BGCOLOR="{back}"><TR><TD>{content}</TD></TR></TABLE>>'
    )


def _heat_cell(box: Box, theme: Theme, drawing: Drawing) -> str:
    if drawing.heat is None or box.shape in (Shape.INPUT, Shape.OUTPUT, Shape.FAILURE):
        return ""
    value = box.amounts.heat
    if value is None:
        hatch = text("╱╱", 9, theme.colours["quiet"])  # not known is no zero
        return f'<TD BGCOLOR="{theme.colours["hatch"]}" WIDTH="16">{hatch}</TD>'
    place = scaled(value, drawing)
    return f'<TD BGCOLOR="{heat_colour(theme, place, 0, 1)}" WIDTH="16"></TD>'


def scaled(value: float, drawing: Drawing) -> float:
    """Return a heat value's place between 0 and 1, on a logarithmic scale unless it is linear.

    Shares lie between a thousandth and all of the total, so that one scale holds for a layer and
    for the stage around it.
    """
    heat = drawing.heat
    assert heat is not None
    total = heat.total or 0.0
    low, high = (total / SHARES, total) if heat.share else (heat.low, heat.high)
    if heat.linear:
        return min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    # A logarithm needs two positive ends.
    if low <= 0 or high <= low:
        return 0.0 if value <= low else 1.0
    return min(max(log10(value / low) / log10(high / low), 0.0), 1.0) if value > 0 else 0.0


def frame(group: Group, drawing: Drawing, theme: Theme) -> str:
    """Return the label of a group: its name, how often it comes, its type, what it costs."""
    colours = theme.colours
    head = text(group_name(group, drawing), 12, colours["text"], bold=True)
    if group.times > 1:
        head += text(f"  ×{group.times}", 14, colours["shortcut"], bold=True)
    lines = [head]
    # The lines are short, because the label stands left of the path through the middle.
    kinds = (group.type.strip("_"), group.pattern)
    lines += [text(line, 10, colours["quiet"]) for kind in kinds for line in camel(kind)]
    # A branch is narrow, and its cards say what it costs.
    amounts = [] if group.branches else cost(group)
    if drawing.heat is not None and drawing.heat.share and group.amounts.heat:
        amounts.append(heat_text(group.amounts.heat, drawing, group.repeats))
    lines += [text(amount, 8, colours["quiet"]) for amount in amounts]
    for note in filter(None, (group.note, SIGNS.get(group.mark, group.mark))):
        lines += [text(line, 8, colours["skip"], bold=True) for line in wrapped(note, 20)]
    return f"<{left(lines)}>"


def group_name(group: Group, drawing: Drawing) -> str:
    """Return the path without that of the frame around; a tooltip has what is left out."""
    parents = (other.path for other in drawing.groups if other.id == group.parent)
    above = next(parents, drawing.inside)
    name = group.path.removeprefix(f"{above}.") if above else group.path
    # A bare number says nothing: the name before it stays.
    if name.isdigit():
        name = ".".join(group.path.split(".")[-2:])
    return shortened(printable(name), _NAME)


def macs_text(amounts: Amounts, repeats: int) -> str:
    """Return the MACs of one repeat; ≥ where an operator inside has no rule."""
    least, each = "≥ " if amounts.partial else "", (amounts.macs or 0) / repeats
    was = _before((amounts.before.macs or 0) / repeats, each) if amounts.before else ""
    return f"{was}{least}{si(each, 3)} MACs"


def totals(params: int, macs: int | None) -> str:
    """Return the parameters and MACs of a whole model."""
    return f"{si(params)} params · {'MACs unknown' if macs is None else f'{si(macs)} MACs'}"


def heading(drawing: Drawing, theme: Theme, params: int, macs: int | None) -> str:
    """Return the title: model, totals, input, mode."""
    colours = theme.colours
    cost = totals(params, macs)
    source = f"input {with_times(drawing.input or 'none')} · {drawing.mode} mode"
    lines = [text(line, 16, colours["text"], bold=True) for line in wrapped(drawing.title, 40)]
    lines.append(text(" ", 4, colours["text"]))  # room for an underscore
    facts = wrapped(cost, 60) + wrapped(source, 60)
    facts += wrapped(drawing.model, 60) if drawing.model != drawing.title else []
    lines += [text(line, 10, colours["quiet"]) for line in facts]
    return f"<{left(lines)}<BR/>>"


def edge_text(edge: Edge, theme: Theme) -> str:
    """Return an edge's label: the shape where it changes, or the mark of a difference."""
    if edge.mark in SIGNS:
        return f"<{text(SIGNS[edge.mark], 9, theme.colours[edge.mark], bold=True)}>"
    if not edge.changed or edge.role != Role.MAIN:
        return ""
    return f"<{text(f' {edge.sizes}', 8, theme.colours['shape'])}>"


def tooltip(box: Box, drawing: Drawing) -> str:
    """Return what a pointer over the box shows, one fact a line."""
    amounts = box.amounts
    all_of = f" in all {box.repeats} repeats" if box.repeats > 1 else ""
    facts = [
        box.path or box.id,
        title(box) + (f" ×{box.times}" if box.times > 1 else ""),
        f"{amounts.params:,} parameters{all_of}" if amounts.params else "",
        f"{amounts.macs:,} MACs{all_of}" if amounts.macs else "",
    ]
    if drawing.heat is not None and amounts.heat is not None:
        value = amounts.heat
        shown = size(value) if drawing.heat.measure == "memory" else f"{value:,.6g}"
        facts.append(f"{drawing.heat.title}: {shown}")
    return "\n".join(filter(None, facts))
