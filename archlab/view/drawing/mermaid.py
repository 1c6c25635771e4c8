"""A drawing as Mermaid, which README pages show: shortcuts thick, frames for modules."""

from __future__ import annotations

from collections.abc import Iterator

from archlab.fold.drawing import Box, Drawing, Edge, Role, Shape
from archlab.result import si
from archlab.view.drawing.card import SIGNS, pill_sign, printable
from archlab.view.drawing.dot import Style
from archlab.view.theme import hue

_ARROWS = {
    Role.MAIN: "-->",
    Role.IDENTITY: "==>",
    Role.PROJECTION: "-.->",
    Role.POOL: "-.->",
    Role.PAD: "-.->",
    Role.BYPASS: "-.->",
    Role.CONCAT: "==>",
    Role.REPEAT: "-.->",
}
_STRONG = (Role.IDENTITY, Role.PROJECTION, Role.PAD, Role.POOL, Role.BYPASS)
_ROUND = (Shape.SUM, Shape.PRODUCT, Shape.CONCAT)


def mermaid(drawing: Drawing, style: Style) -> str:
    """Return a Mermaid flowchart; node `nK` is the drawing's box K."""
    cost = "MACs unknown" if style.macs is None else f"{si(style.macs, 3)} MACs"
    lines = [
        f"%% {_comment(drawing.model)}: {si(style.params, 3)} params, {cost}, "
        f"input {drawing.input}, {drawing.mode} mode",
        *(f"%% {_comment(note)}" for note in (*style.notes, *drawing.folded)),
        f"flowchart {style.direction}",
        *_inside(drawing, "", 1),
    ]
    place = {box.id: f"n{i}" for i, box in enumerate(drawing.boxes)}
    lines += [f"  {_edge(edge, place)}" for edge in drawing.edges]
    lines += _classes(drawing, style)
    return "\n".join(lines)


def _inside(drawing: Drawing, parent: str, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for i, box in enumerate(drawing.boxes):
        if box.group == parent:
            yield f"{pad}n{i}{_label(box)}"
    for i, group in enumerate(drawing.groups):
        if group.parent == parent:
            times = f" ×{group.times}" if group.times > 1 else ""
            kind = f" {group.type}" if group.type else ""
            yield f'{pad}subgraph g{i}["{_text(f"{group.path}{times}{kind}")}"]'
            yield from _inside(drawing, group.id, depth + 1)
            yield f"{pad}end"


def _label(box: Box) -> str:
    title = pill_sign(box) if box.shape in _ROUND else box.title
    words = " · ".join((title, *box.fused))
    if box.times > 1:
        words += f" ×{box.times}"
    second = [box.name if not box.name.isdigit() else ""]
    second += [
        f"{box.channels} ch" if box.channels else "",
        box.note,
        SIGNS.get(box.mark, box.mark),
    ]
    below = " · ".join(filter(None, second))
    body = _text(words) + (f"<br/><small>{_text(below)}</small>" if below else "")
    return f'(["{body}"])' if box.shape in _ROUND else f'["{body}"]'


def _edge(edge: Edge, place: dict[str, str]) -> str:
    words = {
        Role.IDENTITY: "identity", Role.PAD: "zero-pad", Role.CONCAT: "skip",
        Role.REPEAT: "all before", Role.PROJECTION: "projection", Role.POOL: "pool",
        Role.BYPASS: "bypass",
    }.get(edge.role, "×".join(map(str, edge.shape)) if edge.changed else "")  # fmt: skip
    if edge.mark in SIGNS:
        words = SIGNS[edge.mark]
    label = f'|"{_text(words)}"|' if words else ""
    return f"{place[edge.tail]} {_ARROWS[edge.role]}{label} {place[edge.head]}"


def _classes(drawing: Drawing, style: Style) -> Iterator[str]:
    look = style.theme.colours
    members: dict[str, list[str]] = {}
    for i, box in enumerate(drawing.boxes):
        if box.kind is not None:
            members.setdefault(hue(box.kind), []).append(f"n{i}")
    for role, names in members.items():
        yield f"  classDef {role} stroke:{look[role]},stroke-width:2px"
        yield f"  class {','.join(names)} {role}"
    strong = [str(i) for i, edge in enumerate(drawing.edges) if edge.role in _STRONG]
    if strong:
        yield f"  linkStyle {','.join(strong)} stroke:{look['shortcut']},stroke-width:3px"


def _text(content: str) -> str:
    """Text inside quotes: Mermaid's own entities for what would end it."""
    clean = printable(content)
    for sign, entity in (
        ("#", "#35;"),
        ("&", "#amp;"),
        ('"', "#quot;"),
        ("<", "#lt;"),
        (">", "#gt;"),
    ):
        clean = clean.replace(sign, entity)
    return clean


def _comment(content: str) -> str:
    return printable(content)
