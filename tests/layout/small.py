"""Small drawings by hand: boxes of 100 × 20 points without labels, and rows of maps."""

from itertools import pairwise
from math import prod

from archlab.fold.drawing import Box, Drawing, Edge, Group, Role, Shape
from archlab.ir.kinds import Kind
from archlab.layout import Sizes, Tab

WIDTH, HEIGHT = 100.0, 20.0


def drawn(edges, *, groups=(), sums=(), inside=None, skips=()):
    """`drawn("ab bc", inside={"b": "g"}, groups=["g"])`: boxes by letters, an edge a pair."""
    pairs = edges.split()
    names = list(dict.fromkeys(letter for pair in pairs for letter in pair))
    inside = inside or {}
    boxes = tuple(
        Box(name, name, Shape.SUM if name in sums else Shape.OPERATOR, name,
            group=inside.get(name, ""))
        for name in names
    )  # fmt: skip
    made = tuple(
        Edge(pair[0], pair[1], Role.IDENTITY if pair in skips else Role.MAIN) for pair in pairs
    )
    frames = tuple(
        group if isinstance(group, Group) else Group(group, group, "Net") for group in groups
    )
    return Drawing("net", "", "eval", "", boxes, frames, made)


def sizes(drawing, *, across=False):
    size = (HEIGHT, WIDTH) if across else (WIDTH, HEIGHT)
    boxes = {box.id: size for box in drawing.boxes}
    return Sizes(boxes, {}, {group.id: Tab(30.0, 40.0, 18.0) for group in drawing.groups})


def chain(*shapes: tuple[int, ...], **more) -> Drawing:
    """Return boxes one after the other that make such maps or vectors."""
    boxes = tuple(
        Box(f"b{i}", f"b{i}", Shape.OPERATOR, "Conv 3×3", Kind.CONV, makes=shape, **more)
        for i, shape in enumerate(shapes)
    )
    edges = tuple(
        Edge(a.id, b.id, shape=a.makes, bytes=4 * prod(a.makes)) for a, b in pairwise(boxes)
    )
    return Drawing("net", "", "eval", "", boxes, (), edges)
