"""Rows on top of each other, and the lines between, beside and around them.

A `Block` is what has been placed so far, relative to the line that runs straight through it: its
trunk lies at x = 0, and its upper edge at y = 0. Edges enter it at the top and leave at the bottom,
each at an x of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from archlab.fold.drawing import Role
from archlab.layout.channel import BEFORE, LEAST, Net, height, level, route
from archlab.layout.divide import Part, Rows
from archlab.layout.levels import OUTSIDE, Link
from archlab.layout.placed import Point, Rect

GAP = 20.0  # between columns
LANE = 12.0  # between a lane and what it goes around
CLEAR = 8.0  # between a line and the side of a join that it does not enter
PORT = 12.0  # between lines that enter a frame
GUTTER = 44.0  # between the columns of a wrapped drawing
ELBOW = 18.0  # above a column that is not the first
_LEFT = frozenset({Role.CONCAT, Role.REPEAT})


@dataclass(slots=True)
class Block:
    """A placed part. Distances are those from its trunk, both positive."""

    left: float
    right: float
    height: float
    ins: dict[int, float] = field(default_factory=dict)  # edge -> x at the top
    outs: dict[int, float] = field(default_factory=dict)  # edge -> x at the bottom
    parts: list[tuple[float, float, Block]] = field(default_factory=list)
    lines: list[tuple[Link, list[Point]]] = field(default_factory=list)
    dots: list[tuple[int, Point]] = field(default_factory=list)
    item: int = OUTSIDE
    rect: Rect | None = None
    joins: bool = False  # a box that lanes enter from the side
    label: Rect | None = None
    name: Rect | None = None
    facts: Rect | None = None
    gaps: list[float] = field(default_factory=list)  # rows' heights, each with the channel above
    breaks: list[int] = field(default_factory=list)  # rows before which a column may end


@dataclass(slots=True)
class _Lane:
    """The line of a source beside the rows from `first` to `last`."""

    first: int
    last: int
    left: bool
    x: float = 0.0


@dataclass(slots=True)
class _Way:
    """An edge in a stack: from row to row, -1 above all, as many as there are rows below all."""

    link: Link
    tail: int
    head: int
    start: float  # x where it leaves its row
    end: float  # x where it enters its row
    foot: float = 0.0  # where its cell ends below the top of its row
    lane: _Lane | None = None
    side: bool = False  # enters a join from the side


class Stack:
    """Rows while they are placed."""

    def __init__(
        self,
        rows: Rows,
        links: Sequence[Link],
        block: Callable[[Part, Sequence[Link]], Block],
        *,
        framed: bool,
        columns: Sequence[int] = (),
        trunk: Callable[[Part, Sequence[Link]], tuple[int, ...]],
    ) -> None:
        self.framed, self.columns = framed, columns
        self.cells, self.places, self.ways = _cells(rows, links, block, trunk)
        self.count = len(rows)
        self.left = [_reach(row, xs, left=True) for row, xs in self._rows()]
        self.right = [_reach(row, xs, left=False) for row, xs in self._rows()]
        self.lanes = self._lanes()
        self.ports = ({}, {}) if not framed else (self._ports(top=True), self._ports(top=False))
        self.channels = self._channels()

    def _rows(self) -> Iterable[tuple[list[Block], list[float]]]:
        return zip(self.cells, self.places, strict=True)

    def placed(self) -> Block:
        """Return the block of all rows with their lines."""
        tracks = [route(nets) for nets in self.channels]
        heights = [self._height(c, tracks[c]) for c in range(self.count + 1)]
        origins, tops, low = self._origins(heights)
        whole = Block(0, 0, low)
        for r, (row, xs) in enumerate(self._rows()):
            dx, y = origins[r]
            for cell, x in zip(row, xs, strict=True):
                whole.parts.append((dx + x, y, cell))
            whole.left = max(whole.left, self.left[r] - dx)
            whole.right = max(whole.right, self.right[r] + dx)
        for lane in self.lanes:
            dx = origins[min(lane.first, self.count - 1)][0]
            whole.left = max(whole.left, LANE / 2 - lane.x - dx)
            whole.right = max(whole.right, lane.x + dx + LANE / 2)
        for way in self.ways:
            whole.lines.append((way.link, self._points(way, origins, tops, low)))
            if way.tail == -1:
                whole.ins[way.link.edge] = whole.lines[-1][1][0][0]
            if way.head == self.count:
                whole.outs[way.link.edge] = whole.lines[-1][1][-1][0]
        whole.dots = self._dots(origins, tops)
        whole.gaps = [
            heights[r] + max(cell.height for cell in row) for r, row in enumerate(self.cells)
        ]
        whole.breaks = [c for c in range(1, self.count) if self._may_break(c)]
        return whole

    def _lanes(self) -> list[_Lane]:
        """Give the ways that go around rows a lane for each source; return the lanes."""
        lanes: dict[tuple[int, bool, bool], _Lane] = {}
        for way in self.ways:
            way.side = self._enters_by_side(way)
            back = way.head <= way.tail
            if not back and way.head - way.tail < 2:
                continue
            first, last = (way.head, way.tail) if back else (way.tail + 1, way.head - 1 + way.side)
            left = back or way.link.role in _LEFT
            key = (way.link.net, left, back)
            lane = lanes.setdefault(key, _Lane(first, last, left))
            lane.first, lane.last = min(lane.first, first), max(lane.last, last)
            way.lane = lane
        done: list[_Lane] = []
        for lane in sorted(lanes.values(), key=lambda lane: (lane.last - lane.first, lane.first)):
            reach = self.left if lane.left else self.right
            others = [
                abs(other.x)
                for other in done
                if other.left == lane.left
                and other.first <= lane.last
                and lane.first <= other.last
            ]
            x = max(max(reach[lane.first : lane.last + 1]), *others, 0.0) + LANE
            lane.x = -x if lane.left else x
            done.append(lane)
        return done

    def _enters_by_side(self, way: _Way) -> bool:
        if way.head in (-1, self.count) or way.head <= way.tail or len(self.cells[way.head]) != 1:
            return False
        (cell,) = self.cells[way.head]
        if not cell.joins:
            return False
        around = way.head - way.tail > 1
        aside = abs(way.start - way.end) > (cell.rect.w / 2 if cell.rect else 0) + CLEAR
        return around or (way.link.beside and aside)

    def _ports(self, *, top: bool) -> dict[int, float]:
        """Return where each source crosses the upper or lower edge of the frame."""
        wanted: dict[int, list[float]] = {}
        for way in self.ways:
            if top and way.tail == -1:
                wanted.setdefault(way.link.net, []).append(way.lane.x if way.lane else way.end)
            if not top and way.head == self.count:
                wanted.setdefault(way.link.net, []).append(way.lane.x if way.lane else way.start)
        ports: dict[int, float] = {}
        nearest = {net: min(xs, key=abs) for net, xs in wanted.items()}
        for net, x in sorted(nearest.items(), key=lambda entry: abs(entry[1])):
            step = PORT if x >= 0 else -PORT
            while any(abs(x - other) < PORT - 0.1 for other in ports.values()):
                x += step
            ports[net] = x
        return ports

    def _channels(self) -> list[dict[int, Net]]:
        channels: list[dict[int, Net]] = [{} for _ in range(self.count + 1)]
        for way in self.ways:
            for channel, x, y, _ in self._hops(way):
                net = channels[channel].setdefault(way.link.net, Net())
                back = way.head <= way.tail
                # A way back turns around: both of its ends are at the same side of the channel.
                below = back and channel == way.head
                (net.bottoms if below else net.tops).add(x)
                (net.tops if back and not below else net.bottoms).add(y)
        return channels

    def _hops(self, way: _Way) -> list[tuple[int, float, float, bool]]:
        """Return the channels in which a way changes its x: channel, from, to, whether at its end."""
        lane = way.lane.x if way.lane else None
        first = way.tail + 1
        if way.head <= way.tail:
            assert lane is not None
            return [(first, way.start, lane, False), (way.head, lane, way.end, True)]
        start = self.ports[0].get(way.link.net, 0.0) if self.framed and way.tail == -1 else way.start
        end = way.end
        if self.framed and way.head == self.count:
            end = self.ports[1][way.link.net]
        if lane is None:
            if way.side:
                end = way.start
            outside = (way.tail == -1 or way.head == self.count) and not self.framed
            return [] if outside else [(first, start, end, True)]
        hops = []
        if way.tail >= 0 or self.framed:
            hops.append((first, start, lane, False))
        if not way.side and (way.head < self.count or self.framed):
            hops.append((way.head, lane, end, True))
        return hops

    def _height(self, channel: int, tracks: int) -> float:
        edge = channel in (0, self.count)
        if tracks or (self.channels[channel] and not edge):
            return height(tracks)
        if edge:
            return (LEAST if self.channels[channel] else BEFORE) if self.framed else 0.0
        return BEFORE

    def _origins(
        self, heights: Sequence[float]
    ) -> tuple[list[Point], list[Point], float]:
        """Return the x and y at which each row and each channel begins, and the lower edge."""
        starts = [0, *self.columns, self.count]
        rows: list[Point] = []
        tops: list[Point] = []
        dx, low, before = 0.0, 0.0, 0.0
        for n, (a, b) in enumerate(zip(starts, starts[1:], strict=False)):
            lanes = [lane for lane in self.lanes if a <= lane.first < b]
            left = max([*self.left[a:b], *(LANE / 2 - lane.x for lane in lanes)])
            right = max([*self.right[a:b], *(LANE / 2 + lane.x for lane in lanes)])
            dx = dx + before + GUTTER + left if n else 0.0
            before, y = right, ELBOW if n else 0.0
            for r in range(a, b):
                tops.append((dx, y))
                y += heights[r] if r > a or not n else 0.0
                rows.append((dx, y))
                y += max(cell.height for cell in self.cells[r])
            tops_end = (dx, y)
            last = b == self.count
            low = max(low, y + (heights[self.count] if last else ELBOW))
        tops.append(tops_end)
        return rows, tops, low

    def _points(
        self, way: _Way, rows: Sequence[Point], tops: Sequence[Point], low: float
    ) -> list[Point]:
        """Return the line of a way, from the lower edge of its row to the upper edge of the next."""
        count = self.count
        hops = self._hops(way)
        end = self.ports[1][way.link.net] if self.framed and way.head == count else way.end
        if way.tail >= 0:
            dx, y = rows[way.tail]
            points = [(dx + way.start, y + way.foot)]
        else:
            dx = rows[0][0]
            x = hops[0][1] if hops and self.framed else way.lane.x if way.lane else way.end
            points = [(dx + x, 0.0)]
        for channel, x1, x2, _ in hops:
            if channel in self.columns:
                points += self._elbow(channel, x1, x2, rows, tops)
                continue
            dx, y = tops[channel]
            track = self.channels[channel][way.link.net].track
            if abs(x1 - x2) > 0.01:
                y += level(track or 0)
                points += [(dx + x1, y), (dx + x2, y)]
        if way.head == count:
            dx = tops[count][0]
            x = end if self.framed or not way.lane else way.lane.x
            points.append((dx + (x if self.framed or way.lane else way.start), low))
        elif way.side:
            (cell,) = self.cells[way.head]
            dx, y = rows[way.head]
            assert cell.rect is not None
            half, middle = cell.rect.w / 2, y + cell.rect.h / 2
            x = way.lane.x if way.lane else way.start
            edge = half if x > 0 else -half
            points += [(dx + x, middle), (dx + edge, middle)]
        else:
            dx, y = rows[way.head]
            points.append((dx + way.end, y))
        return points

    def _elbow(
        self, channel: int, start: float, end: float, rows: Sequence[Point], tops: Sequence[Point]
    ) -> list[Point]:
        """Return the line from the foot of a column to the head of the next one."""
        cells = self.cells[channel - 1]
        dx, y = rows[channel - 1]
        foot = y + max(cell.height for cell in cells) + ELBOW * 0.6
        to, top = rows[channel]
        first = channel
        starts = [0, *self.columns, self.count]
        last = starts[starts.index(channel) + 1]
        lanes = [lane.x for lane in self.lanes if first <= lane.first < last]
        left = max([*self.left[first:last], *(LANE / 2 - x for x in lanes)])
        gutter = to - left - GUTTER / 2
        head = top - ELBOW * 0.6
        return [(dx + start, foot), (gutter, foot), (gutter, head), (to + end, head)]

    def _dots(self, rows: Sequence[Point], tops: Sequence[Point]) -> list[tuple[int, Point]]:
        """Return the points where a line leaves another one that goes straight on."""
        dots = []
        for way in self.ways:
            hops = self._hops(way)
            for channel, x1, x2, _ in hops:
                net = self.channels[channel][way.link.net]
                if net.track is None or abs(x1 - x2) < 0.01 or channel in self.columns:
                    continue
                if x1 in net.tops and x1 in net.bottoms:
                    dx, y = tops[channel]
                    dots.append((way.link.edge, (dx + x1, y + level(net.track))))
        return dots

    def _may_break(self, channel: int) -> bool:
        if any(lane.first <= channel <= lane.last + 1 for lane in self.lanes):
            return False
        nets = list(self.channels[channel].values())
        return len(nets) == 1 and nets[0].straight


def _cells(
    rows: Rows,
    links: Sequence[Link],
    block: Callable[[Part, Sequence[Link]], Block],
    trunk: Callable[[Part, Sequence[Link]], tuple[int, ...]],
) -> tuple[list[list[Block]], list[list[float]], list[_Way]]:
    """Return the blocks of all rows, their places, and the ways of the edges between them."""
    from archlab.layout.divide import members

    where = {
        item: (r, c)
        for r, row in enumerate(rows)
        for c, part in enumerate(row)
        for item in members(part)
    }
    inner: dict[tuple[int, int], list[Link]] = {}
    own: list[tuple[Link, tuple[int, int] | None, tuple[int, int] | None]] = []
    for link in links:
        tail, head = where.get(link.tail), where.get(link.head)
        for place in {tail, head} - {None}:
            inner.setdefault(place, []).append(link)  # type: ignore[arg-type]
        if tail != head or (link.tail == link.head and tail is not None):
            own.append((link, tail, head))
    cells: list[list[Block]] = []
    places: list[list[float]] = []
    order: dict[tuple[int, int], tuple[int, int]] = {}
    for r, row in enumerate(rows):
        ranks = [trunk(part, inner.get((r, c), ())) for c, part in enumerate(row)]
        # What only leads around the others stands at the right of them.
        columns = sorted(range(len(row)), key=lambda c: ranks[c][0] < 0)
        blocks = [block(row[c], inner.get((r, c), ())) for c in columns]
        main = max(range(len(row)), key=lambda i: (ranks[columns[i]], -i))
        cells.append(blocks)
        places.append(_spread(blocks, main))
        order |= {(r, c): (r, i) for i, c in enumerate(columns)}
    ways = []
    for link, tail, head in own:
        way = _Way(link, -1, len(rows), 0.0, 0.0)
        if tail is not None:
            r, i = order[tail]
            way.tail, way.start = r, places[r][i] + cells[r][i].outs[link.edge]
            way.foot = cells[r][i].height
        if head is not None:
            r, i = order[head]
            way.head, way.end = r, places[r][i] + cells[r][i].ins[link.edge]
        ways.append(way)
    return cells, places, ways


def _spread(blocks: Sequence[Block], main: int) -> list[float]:
    """Return the x of blocks side by side, of which one lies on the trunk."""
    xs = [0.0] * len(blocks)
    for i in range(main + 1, len(blocks)):
        xs[i] = xs[i - 1] + blocks[i - 1].right + GAP + blocks[i].left
    for i in range(main - 1, -1, -1):
        xs[i] = xs[i + 1] - blocks[i + 1].left - GAP - blocks[i].right
    return xs


def _reach(row: Sequence[Block], xs: Sequence[float], *, left: bool) -> float:
    """Return how far a row reaches from the trunk."""
    sign = -1 if left else 1
    return max(
        sign * x + (cell.left if left else cell.right) for cell, x in zip(row, xs, strict=True)
    )
