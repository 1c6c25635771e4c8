"""A drawing as Mermaid, which README pages show: shortcuts thick, frames for modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archlab.fold.drawing import SHORTCUTS, Box, Drawing, Edge, Role, Shape
from archlab.result import si
from archlab.view.drawing.card import ROLES, SIGNS, pill_sign, printable, title
from archlab.view.drawing.style import Style
from archlab.view.theme import hue

_ARROWS = {Role.MAIN: "-->", Role.IDENTITY: "==>", Role.CONCAT: "==>"}  # all others are dashed
# Mermaid's own entities for what would end a text.
_ENTITIES = str.maketrans({"#": "#35;", "&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;"})
_ROUND = (Shape.SUM, Shape.PRODUCT, Shape.CONCAT)


def mermaid(drawing: Drawing, style: Style) -> str:
    """Return a Mermaid flowchart; node `nK` is the drawing's box K."""
    cost = "MACs unknown" if style.macs is None else f"{si(style.macs, 3)} MACs"
    lines = [
        f"%% {printable(drawing.model)}: {si(style.params, 3)} params, {cost}, "
        f"input {drawing.input}, {drawing.mode} mode",
        *(f"%% {printable(note)}" for note in (*style.notes, *drawing.folded)),
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
            words = (f"{group.path}{times}", group.type or group.holds, group.pattern)
            yield f'{pad}subgraph g{i}["{_text(" ".join(filter(None, words)))}"]'
            yield from _inside(drawing, group.id, depth + 1)
            yield f"{pad}end"


def _label(box: Box) -> str:
    words = title(replace(box, title=pill_sign(box)) if box.shape in _ROUND else box)
    if box.times > 1:
        words += f" ×{box.times}"
    name = "" if box.name.isdigit() else box.name
    facts = (name, box.wide, box.note.replace("\n", " · "), SIGNS.get(box.mark, box.mark))
    below = " · ".join(filter(None, facts))
    body = _text(words) + (f"<br/><small>{_text(below)}</small>" if below else "")
    return f'(["{body}"])' if box.shape in _ROUND else f'["{body}"]'


def _edge(edge: Edge, place: dict[str, str]) -> str:
    words = SIGNS.get(edge.mark) or ROLES.get(edge.role, edge.sizes if edge.changed else "")
    label = f'|"{_text(words)}"|' if words else ""
    return f"{place[edge.tail]} {_ARROWS.get(edge.role, '-.->')}{label} {place[edge.head]}"


def _classes(drawing: Drawing, style: Style) -> Iterator[str]:
    colours = style.theme.colours
    members: dict[str, list[str]] = {}
    for i, box in enumerate(drawing.boxes):
        if box.kind is not None:
            members.setdefault(hue(box.kind), []).append(f"n{i}")
    for role, names in members.items():
        yield f"  classDef {role} stroke:{colours[role]},stroke-width:2px"
        yield f"  class {','.join(names)} {role}"
    # Mermaid styles edges by their number in the text.
    strong = SHORTCUTS - {Role.CONCAT}
    numbers = [str(i) for i, edge in enumerate(drawing.edges) if edge.role in strong]
    if numbers:
        yield f"  linkStyle {','.join(numbers)} stroke:{colours['shortcut']},stroke-width:3px"


def _text(content: str) -> str:
    return printable(content).translate(_ENTITIES)
