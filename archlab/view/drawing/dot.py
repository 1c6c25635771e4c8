"""A drawing as DOT text: cards in frames, the main path straight, shortcuts in a lane of their own.

The `graphviz` package builds and quotes the text; nothing is laid out here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from archlab.errors import check_one_of
from archlab.fold.drawing import SHORTCUTS, Drawing, Role, Shape
from archlab.view.drawing import card
from archlab.view.drawing.legend import legend
from archlab.view.drawing.style import DIRECTIONS, Style
from archlab.view.theme import FONT

_SPLINES = 300  # boxes above which curved edges cost too much
_MANY = 2  # skips into one box above which words on them are in the way
_STYLES = {
    Role.IDENTITY: ("shortcut", "solid", 2.6),
    Role.PAD: ("shortcut", "dotted", 2.6),
    Role.PROJECTION: ("shortcut", "dashed", 2.6),
    Role.POOL: ("shortcut", "dashed", 2.0),
    Role.BYPASS: ("shortcut", "dotted", 2.0),
    Role.CONCAT: ("skip", "solid", 2.2),
    Role.REPEAT: ("skip", "dotted", 2.2),
    Role.LOOP: ("skip", "dashed", 1.6),
    Role.MAIN: ("edge", "solid", 1.1),
}
# Edges that run beside the path carry their word in a lane; one through a box needs none.
_LANES = frozenset({Role.IDENTITY, Role.PAD, Role.BYPASS, Role.CONCAT, Role.REPEAT})


Lanes = Mapping[int, str]  # number of an edge -> the group in which its word stands


def dot(drawing: Drawing, style: Style) -> str:
    """Return DOT text; node `nK` is the drawing's box K, and has the box's id as its SVG id.

    Raises:
        OptionError: an unknown direction.
    """
    from graphviz import Digraph  # here: only pictures need it

    check_one_of("direction", style.direction, DIRECTIONS)
    colours = style.theme.colours
    page = Digraph("archlab")
    # A default label, or Graphviz loses the labels of nodes that have none of their own.
    page.attr("node", label="\\N", shape="plain", fontname=FONT)
    page.attr("edge", fontname=FONT, fontsize="9", arrowsize="0.6")
    page.attr(
        "graph",
        rankdir=style.direction,
        bgcolor=colours["page"],
        fontname=FONT,
        nodesep="0.28",
        ranksep="0.26",
        ordering="out",  # what is written first stands further left: branches, then shortcuts
        pad="0.05" if style.bare else "0.2",
        margin="0",  # of a PDF's page
        label="" if style.bare else legend(drawing, style.theme, _notes(drawing, style)),
        labelloc="b",
        labeljust="l",
        splines="true" if len(drawing.boxes) <= _SPLINES else "line",
    )
    if style.theme.width is not None:
        # Shrunk to the width of a column, and as high as it needs to be.
        page.attr("graph", size=f"{style.theme.width:g},200")
    lanes = _lanes(drawing)
    title = "" if style.bare else card.heading(drawing, style.theme, style.params, style.macs)
    with page.subgraph(name="cluster_title") as body:  # without it branches lose their order
        body.attr(label=title, labelloc="t", labeljust="l", peripheries="0")
        _fill(body, "", drawing, style, 0, lanes)
    # The main path is written first, so that it stands left of the lanes.
    for _, tail, head, attributes in sorted(_edges(drawing, style, lanes), key=itemgetter(0)):
        page.edge(tail, head, **attributes)
    return str(page.source)


def _notes(drawing: Drawing, style: Style) -> tuple[str, ...]:
    return (*style.notes, *drawing.folded, *style.conventions)


def _fill(page: Any, parent: str, drawing: Drawing, style: Style, depth: int, lanes: Lanes) -> None:
    """Write the boxes and frames inside a group, in the drawing's order."""
    colours = style.theme.colours
    widest = max((box.width or 0 for box in drawing.boxes), default=0)
    for i, box in enumerate(drawing.boxes):
        if box.group != parent:
            continue
        names = {"id": _plain(box.id), "class": f"box {box.shape}"}
        if box.shape == Shape.PORT:
            point = {"shape": "point", "width": "0.02", "color": colours["edge"]}
            page.node(f"n{i}", "", **point, **names)
        else:
            page.node(f"n{i}", card.card(box, style.theme, drawing, widest), **names)
    for i, group in enumerate(drawing.groups):
        if group.parent != parent:
            continue
        with page.subgraph(name=f"cluster_{i}") as inner:
            border = colours[group.mark] if group.mark in card.SIGNS else colours["line"]
            # Away from the edges that come in from the middle above.
            right = 2 * group.branch > group.branches + 1 or group.mark == "train only"
            inner.attr(
                label=card.frame(group, drawing, style.theme),
                labeljust="r" if right else "l",
                labelloc="t" if style.direction == "TB" else "b",  # away from the lanes
                style="rounded,filled",
                fillcolor=colours["page" if depth % 2 else "frame"],
                color=border,
                penwidth="2.5" if group.mark in card.SIGNS else "1",
                margin="10",
                id=_plain(f"group:{group.id}"),
                **({"peripheries": "1"} if style.bare else {}),  # it would inherit the title's 0
            )
            _fill(inner, group.id, drawing, style, depth + 1, lanes)
    for i, group_of_lane in lanes.items():
        edge = drawing.edges[i]
        if group_of_lane == parent:
            colour, words = _STYLES[edge.role][0], card.ROLES[edge.role]
            if edge.mark in card.SIGNS:
                colour, words = edge.mark, f"{words}, {edge.mark}"
            words = card.text(words, 8, colours[colour])
            size = {"margin": "0.02,0.0", "width": "0", "height": "0"}
            page.node(f"lane{i}", f"<{words}>", shape="none", **size, **{"class": "lane"})


def _edges(
    drawing: Drawing, style: Style, lanes: Lanes
) -> Iterator[tuple[bool, str, str, dict[str, str]]]:
    """Yield the edges: whether it stands beside the path, tail, head, attributes."""
    colours = style.theme.colours
    place = {box.id: f"n{i}" for i, box in enumerate(drawing.boxes)}
    shapes = {box.id: box.shape for box in drawing.boxes}
    marked = {box.id for box in drawing.boxes if box.mark in card.SIGNS}
    projecting = _projecting(drawing)
    side = "e" if style.direction == "TB" else "n"
    for i, edge in enumerate(drawing.edges):
        role, pattern, pen = _STYLES[edge.role]
        if edge.mark in card.SIGNS:
            role = edge.mark
        tail, head = place[edge.tail], place[edge.head]
        drawn = {
            "color": colours[role],
            "style": pattern,
            "penwidth": f"{pen:g}",
            "class": f"edge {edge.role}",
            "weight": "20" if edge.role == Role.MAIN else "1",  # the heavy path is straight
        }
        if shapes[edge.head] == Shape.PORT:
            drawn["arrowhead"] = "none"  # the edge goes on outside of this drawing
        label = card.edge_text(edge, style.theme)
        if label and not (edge.mark and marked & {edge.tail, edge.head}):
            drawn["label"] = label
        lane = f"lane{i}" if i in lanes else ""
        plain = {**drawn, "dir": "none"}
        if edge.role in (Role.REPEAT, Role.LOOP):
            # It runs against the ranks, so it is written from its head to its tail.
            back = {**drawn, "dir": "back"}
            yield True, f"{head}:{side}", lane or f"{tail}:{side}", back
            if lane:
                yield True, lane, f"{tail}:{side}", plain
        elif lane:
            # The word in the lane says all: no second one on either half of the edge.
            for attributes in (plain, drawn):
                attributes.pop("label", None)
            yield True, f"{tail}:{side}", lane, plain
            yield True, lane, f"{head}:{side}", drawn
        elif edge.role in SHORTCUTS:
            joins = shapes[edge.head] in (Shape.SUM, Shape.CONCAT)
            start = tail if edge.tail in projecting else f"{tail}:{side}"
            yield True, start, f"{head}:{side}" if joins else head, drawn
        else:
            yield False, tail, head, drawn


def _lanes(drawing: Drawing) -> Lanes:
    """Return the edges whose word stands in a lane, each with the group of the lane."""
    beside = Counter((edge.head, edge.role) for edge in drawing.edges)
    groups = {box.id: box.group for box in drawing.boxes}
    projecting = _projecting(drawing)
    lanes = {}
    for i, edge in enumerate(drawing.edges):
        through = edge.role == Role.BYPASS and edge.tail in projecting
        crowded = edge.role == Role.CONCAT and beside[edge.head, edge.role] > _MANY
        if edge.role in _LANES and not through and not crowded and groups[edge.head]:
            lanes[i] = groups[edge.head]
    return lanes


def _projecting(drawing: Drawing) -> set[str]:
    """Return the boxes that are part of a shortcut, which goes through them and not round them."""
    roles = (Role.PROJECTION, Role.POOL, Role.BYPASS)
    return {edge.head for edge in drawing.edges if edge.role in roles}


def _plain(text: str) -> str:
    """Return an id that Graphviz takes as it stands: no escape sequences, line breaks, or HTML."""
    from graphviz import nohtml

    # The type that nohtml gives is quoted also where a text looks like HTML.
    quoted: str = nohtml(card.printable(text).replace("\\", "\\\\"))
    return quoted
