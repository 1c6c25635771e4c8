"""Graphviz's SVG with tooltips, data for scripts, fonts of every machine, and dark mode by CSS.

The colours stay as attributes, so that readers without CSS show the light picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape, unescape

from archlab.errors import LayoutError
from archlab.fold.drawing import Box, Drawing
from archlab.quoting import visible, visible_lines
from archlab.view.drawing import card
from archlab.view.theme import FALLBACKS, FONT, Theme

_NODE = re.compile(r'<g id="([^"]*)" class="node ([^"]*)">\n<title>n(\d+)</title>')
_LANE = re.compile(r'<g id="[^"]*" class="node lane">\n<title>lane(\d+)</title>')
_EDGE = re.compile(r'<g id="edge(\d+)" class="edge ([^"]*)">\n<title>([^<]*)</title>')
_GROUP = re.compile(r'<g id="([^"]*)" class="cluster">\n<title>cluster_(\d+)</title>')
_HEAD = re.compile(r"^.*?<svg ", re.DOTALL)


def finished(raw: str, drawing: Drawing, theme: Theme) -> str:
    """Return the SVG of a drawing from what Graphviz laid out.

    Raises:
        LayoutError: a box of the drawing is not in the picture.
    """
    # Graphviz writes the second of two spaces as one that does not break.
    shown = {unescape(key).replace("\xa0", " ") for key, _, _ in _NODE.findall(raw)}
    lost = [box.id for box in drawing.boxes if card.printable(box.id) not in shown]
    if lost:
        raise LayoutError(f"Graphviz dropped {len(lost)} boxes, the first is {lost[0]!r}.", "")
    label = _attribute(f"{drawing.model}: {len(drawing.boxes)} boxes")
    start = f'<svg class="archlab" role="img" aria-label="{label}" '
    svg = _HEAD.sub(lambda _: start, raw, count=1)
    svg = svg.replace(f'font-family="{FONT}"', f'font-family="{FALLBACKS}"')
    svg = svg.replace("<title>archlab</title>", "")
    svg = svg.replace("<title>cluster_title</title>", "")
    svg = _NODE.sub(lambda match: _node(match, drawing), svg)
    svg = _LANE.sub(r'<g class="lane" data-lane="lane:\1">', svg)
    svg = _EDGE.sub(lambda match: _edge(match, drawing), svg)
    svg = _GROUP.sub(lambda match: _group(match, drawing), svg)
    return svg.replace("<g id=", f"{_style(theme)}<g id=", 1)


def _node(match: re.Match[str], drawing: Drawing) -> str:
    _, classes, number = match.groups()
    box = drawing.boxes[int(number)]
    title = _content(card.tooltip(box, drawing))
    # Graphviz escapes its ids in a way of its own, so the box's id is written anew.
    name = escape(card.printable(box.id), quote=True)
    return f'<g id="{name}" class="node {classes}"{_data(box)}>\n<title>{title}</title>'


def _data(box: Box) -> str:
    values = {
        "path": box.path,
        "kind": box.kind,
        "group": box.group,
        "times": box.times if box.times > 1 else None,
        "params": box.amounts.params,
        "macs": box.amounts.macs,
        "heat": box.amounts.heat,
    }
    return "".join(
        f' data-{name}="{_attribute(str(value))}"'
        for name, value in values.items()
        if value not in (None, "")
    )


def _edge(match: re.Match[str], drawing: Drawing) -> str:
    number, classes, title = match.groups()
    # Each end is a box (n12) or the word in a lane (lane3), perhaps with a side (n12:e).
    parts = [part.partition(":")[0] for part in title.split("&#45;&gt;")]
    boxes = {part: drawing.boxes[int(part[1:])].id for part in parts if part.startswith("n")}
    ends = (boxes.get(part, part.replace("lane", "lane:")) for part in parts)
    tail, head = (escape(card.printable(end), quote=True) for end in ends)
    words = _content(" → ".join(boxes.values()))
    data = f'data-tail="{tail}" data-head="{head}"'
    return f'<g id="edge{number}" class="{classes}" {data}>\n<title>{words}</title>'


def _group(match: re.Match[str], drawing: Drawing) -> str:
    key, number = match.groups()
    group = drawing.groups[int(number)]
    facts = [group.path or group.id, group.type, f"×{group.times}" if group.times > 1 else ""]
    title = _content(" ".join(filter(None, facts)))
    path = _attribute(group.path)
    return f'<g id="{key}" class="cluster" data-path="{path}">\n<title>{title}</title>'


def _attribute(text: str) -> str:
    """Return a text in an attribute; XML has no place for control characters, however escaped."""
    return escape(visible(text), quote=True)


def _content(text: str) -> str:
    return escape(visible_lines(text), quote=False)


def _style(theme: Theme) -> str:
    """Return colours as CSS variables by role, with other values for a dark screen."""
    if theme.dark is None:
        return ""
    roles = sorted(theme.dark)
    light, dark = (css_variables(values, roles) for values in (theme.colours, theme.dark))
    return (
        f"<style>svg.archlab{{{light}}}{css_rules(theme, roles)}"
        f"@media (prefers-color-scheme:dark){{svg.archlab{{{dark}}}}}</style>\n"
    )


def css_variables(colours: Mapping[str, str], roles: Iterable[str]) -> str:
    """Return CSS that sets a variable for the colour of each role."""
    return ";".join(f"--{role}:{colours[role]}" for role in roles)


def css_rules(theme: Theme, roles: Iterable[str]) -> str:
    """Return CSS that lets each colour attribute of a drawing follow the variable of its role."""
    return "".join(
        f'svg.archlab [{part}="{theme.colours[role]}"]{{{part}:var(--{role})}}'
        for role in roles
        for part in ("fill", "stroke")
    )
