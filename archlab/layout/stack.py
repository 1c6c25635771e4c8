"""Rows on top of each other, and the lines between, beside and around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

from archlab.fold.drawing import Role
from archlab.layout.block import Block
from archlab.layout.cells import Lane, Way, cells, reach
from archlab.layout.channel import BEFORE, LEAST, Net, height, level, route
from archlab.layout.divide import Part, Rows
from archlab.layout.levels import Link
from archlab.layout.placed import Point

LANE = 12.0  # between a lane and what it goes around
CLEAR = 8.0  # between a line and the side of a join that it does not enter
PORT = 12.0  # between lines that enter a frame
GUTTER = 32.0  # between the columns of a wrapped drawing
ELBOW = 8.0  # between lines that lead from column to column
MOST_LINES = 4  # from a column to the next one
_LEFT = frozenset({Role.CONCAT, Role.REPEAT, Role.LOOP})


class Stack:
    """Rows while they are placed."""

    def __init__(  # noqa: PLR0913  all but two have a default
        self,
        rows: Rows,
        links: Sequence[Link],
        block: Callable[[Part, Sequence[Link]], Block],
        *,
        framed: bool,
        columns: Sequence[int] = (),
        extra: Mapping[int, float] | None = None,
        rank: Callable[[Part, Sequence[Link]], tuple[int, ...]],
    ) -> None:
        self.framed, self.columns, self.extra = framed, columns, extra or {}
        self.cells, self.places, self.ways = cells(rows, links, block, rank)
        self.count = len(rows)
        self.starts = [0, *columns, self.count]
        self.column = [n for n, (a, b) in enumerate(pairwise(self.starts)) for _ in range(a, b)]
        self.left = [reach(row, xs, left=True) for row, xs in self._rows()]
        self.right = [reach(row, xs, left=False) for row, xs in self._rows()]
        self.lanes = self._lanes()
        self.crossing: dict[int, list[tuple[float, float]]] = {}  # channel -> see _crossing
        self.ports = ({}, {}) if not framed else (self._ports(top=True), self._ports(top=False))
        self.channels = self._channels()

    def _rows(self) -> Iterable[tuple[list[Block], list[float]]]:
        return zip(self.cells, self.places, strict=True)

    def placed(self) -> Block:
        """Return the block of all rows with their lines."""
        tracks = [route(nets) for nets in self.channels]
        heights = [
            self._height(c, tracks[c]) + self.extra.get(c, 0.0) for c in range(self.count + 1)
        ]
        origins, tops, low = self._origins(heights)
        whole = Block(0, 0, low)
        for r, (row, xs) in enumerate(self._rows()):
            dx, y = origins[r]
            for cell, x in zip(row, xs, strict=True):
                whole.parts.append((dx + x, y, cell))
            whole.rows.append(whole.parts[-len(row)])
            whole.left = max(whole.left, self.left[r] - dx)
            whole.right = max(whole.right, self.right[r] + dx)
        for lane in self.lanes:
            for column, x in lane.xs.items():
                dx = origins[self.starts[column]][0]
                whole.left = max(whole.left, LANE / 2 - x - dx)
                whole.right = max(whole.right, x + dx + LANE / 2)
        for way in self.ways:
            whole.lines.append((way.link, self._points(way, origins, tops, low)))
            if way.tail == -1:
                whole.ins[way.link.edge] = whole.lines[-1][1][0][0]
            if way.head == self.count:
                whole.outs[way.link.edge] = whole.lines[-1][1][-1][0]
        whole.dots = self._dots(tops)
        whole.gaps = [
            heights[r] + max(cell.height for cell in row) for r, row in enumerate(self.cells)
        ]
        whole.breaks = self._breaks()
        return whole

    def _lanes(self) -> list[Lane]:
        """Give the ways that go around rows a lane for each source; return the lanes."""
        lanes: dict[tuple[int, bool, bool], Lane] = {}
        for way in self.ways:
            way.side = self._enters_by_side(way)
            back = way.head <= way.tail
            if not back and way.head - way.tail < 2:
                continue
            first, last = (way.head, way.tail) if back else (way.tail + 1, way.head - 1 + way.side)
            left = back or way.link.role in _LEFT
            key = (way.link.net, left, back)
            lane = lanes.setdefault(key, Lane(first, last, left))
            lane.first, lane.last = min(lane.first, first), max(lane.last, last)
            way.lane = lane
        done: list[tuple[int, int, bool, float]] = []
        for lane in sorted(lanes.values(), key=lambda lane: (lane.last - lane.first, lane.first)):
            sides = self.left if lane.left else self.right
            for column in range(self.column[lane.first], self.column[lane.last] + 1):
                low, high = (
                    max(lane.first, self.starts[column]),
                    min(lane.last, self.starts[column + 1] - 1),
                )
                others = [
                    x
                    for first, last, left, x in done
                    if left == lane.left and first <= high and low <= last
                ]
                x = max(*sides[low : high + 1], *others, 0.0) + LANE
                lane.xs[column] = -x if lane.left else x
                done.append((low, high, lane.left, x))
        return list(lanes.values())

    def _beside(self, lane: Lane, row: int) -> float:
        """Return the x of a lane beside a row."""
        return lane.xs[self.column[min(max(row, lane.first), lane.last)]]

    def _enters_by_side(self, way: Way) -> bool:
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
            if way.tail == -1 if top else way.head == self.count:
                x = way.end if top else way.start
                if way.lane:
                    x = self._beside(way.lane, 0 if top else self.count)
                wanted.setdefault(way.link.net, []).append(x)
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
            for channel, x, y in self._hops(way):
                net = channels[channel].setdefault(way.link.net, Net())
                back = way.head <= way.tail
                # A way back turns around: both of its ends are at the same side of the channel.
                below = back and channel == way.head
                (net.bottoms if below else net.tops).add(x)
                (net.tops if back and not below else net.bottoms).add(y)
        return channels

    def _hops(self, way: Way) -> list[tuple[int, float, float]]:
        """Return the channels in which a way begins or ends: channel, x above, x below."""
        first = way.tail + 1
        if way.head <= way.tail:
            assert way.lane is not None
            low, high = self._beside(way.lane, way.tail), self._beside(way.lane, way.head)
            return [(first, way.start, low), (way.head, high, way.end)]
        start, end = way.start, way.end
        if self.framed and way.tail == -1:
            start = self.ports[0][way.link.net]
        if self.framed and way.head == self.count:
            end = self.ports[1][way.link.net]
        if way.lane is None:
            outside = (way.tail == -1 or way.head == self.count) and not self.framed
            if first in self.columns:
                start = self._landing(way, first)
            return [] if outside else [(first, start, start if way.side else end)]
        if first in self.columns:
            start = self._landing(way, first)
        hops = []
        if way.tail >= 0 or self.framed:
            hops.append((first, start, self._beside(way.lane, first)))
        if not way.side and (way.head < self.count or self.framed):
            # A column that begins there has the lane at a place of its own.
            row = way.head - (way.head not in self.columns)
            hops.append((way.head, self._beside(way.lane, row), end))
        return hops

    def _height(self, channel: int, tracks: int) -> float:
        edge = channel in (0, self.count)
        if tracks or (self.channels[channel] and not edge):
            return height(tracks)
        if edge:
            return (LEAST if self.channels[channel] else BEFORE) if self.framed else 0.0
        return BEFORE

    def _origins(self, heights: Sequence[float]) -> tuple[list[Point], list[Point], float]:
        """Return the x and y at which each row and each channel begins, and the lower edge."""
        rows: list[Point] = []
        tops: list[Point] = []
        dx, low, right = 0.0, 0.0, 0.0
        for n, (a, b) in enumerate(pairwise(self.starts)):
            lines = len(self._crossing(a)) if n else 0
            left, reach = self._reach(n)
            dx = dx + right + GUTTER + ELBOW * lines + left if n else 0.0
            right, y = reach, GUTTER / 4 + ELBOW * lines if n else 0.0
            for r in range(a, b):
                tops.append((dx, y))
                y += heights[r]
                rows.append((dx, y))
                y += max(cell.height for cell in self.cells[r])
            foot = GUTTER / 2 + ELBOW * len(self._crossing(b)) if b < self.count else 0.0
            low = max(low, y + (foot or heights[self.count]))
        tops.append((dx, y))
        return rows, tops, low

    def _reach(self, column: int) -> tuple[float, float]:
        """Return how far a column reaches to the left and to the right, with its lanes."""
        a, b = self.starts[column], self.starts[column + 1]
        lanes = [lane.xs[column] for lane in self.lanes if column in lane.xs]
        lanes += [x for _, x in self._crossing(a)] if column else []
        return (
            max([*self.left[a:b], *(LANE / 2 - x for x in lanes)]),
            max([*self.right[a:b], *(LANE / 2 + x for x in lanes)]),
        )

    def _points(
        self, way: Way, rows: Sequence[Point], tops: Sequence[Point], low: float
    ) -> list[Point]:
        """Return the line of a way, from the lower edge of one row to the upper edge of another."""
        count = self.count
        hops = {channel: (x1, x2) for channel, x1, x2 in self._hops(way)}
        if way.tail >= 0:
            dx, y = rows[way.tail]
            points = [(dx + way.start, y + way.foot)]
        else:
            start = self._beside(way.lane, 0) if way.lane else way.end
            points = [(hops[0][0] if 0 in hops else start, 0.0)]
        back = way.head <= way.tail
        channels = [way.tail + 1, way.head] if back else range(way.tail + 1, way.head + 1)
        for channel in channels:
            if channel in self.columns and not back:
                points += self._elbow(way, channel, rows, tops)
            if channel not in hops:
                continue
            x1, x2 = hops[channel]
            dx, y = tops[channel]
            if abs(x1 - x2) > 0.01:
                y += level(self.channels[channel][way.link.net].track or 0)
                points += [(dx + x1, y), (dx + x2, y)]
        if way.head == count:
            end = self._beside(way.lane, count) if way.lane else way.start
            points.append((tops[count][0] + (hops[count][1] if count in hops else end), low))
        elif way.side:
            (cell,) = self.cells[way.head]
            dx, y = rows[way.head]
            assert cell.rect is not None
            half, middle = cell.rect.w / 2, y + cell.rect.h / 2
            x = self._beside(way.lane, way.head) if way.lane else hops[way.head][1]
            points += [(dx + x, middle), (dx + (half if x > 0 else -half), middle)]
        else:
            dx, y = rows[way.head]
            points.append((dx + way.end, y))
        return points

    def _ends(self, way: Way, channel: int) -> tuple[float, float]:
        """Return the x of a way at the foot of a column and at the head of the next one."""
        lane = way.lane
        if lane is None or channel <= lane.first:
            return way.start, self._landing(way, channel)
        above = self._beside(lane, channel - 1)
        # What ends above the first row of the next column has no lane there.
        return above, self._beside(lane, channel) if channel <= lane.last else above

    def _landing(self, way: Way, channel: int) -> float:
        """Return the x, above the first row of a column, of a way from the row before."""
        if -self.left[channel] <= way.start <= self.right[channel]:
            return way.start
        return way.end if way.head == channel else 0.0

    def _crossing(self, channel: int) -> list[tuple[float, float]]:
        """Return where lines leave a column, and where they enter the next; from the right."""
        if channel not in self.crossing:
            ends = [self._ends(way, channel) for way in self.ways if way.tail < channel <= way.head]
            rounded = {(round(x, 1), round(y, 1)) for x, y in ends}
            self.crossing[channel] = sorted(rounded, reverse=True)
        return self.crossing[channel]

    def _elbow(
        self, way: Way, channel: int, rows: Sequence[Point], tops: Sequence[Point]
    ) -> list[Point]:
        """Return the line from the foot of a column to the head of the next one.

        Lines side by side turn without crossing each other: the rightmost is the innermost below,
        and the outermost above.
        """
        start, end = self._ends(way, channel)
        crossing = self._crossing(channel)
        turn = ELBOW * crossing.index((round(start, 1), round(end, 1)))
        (dx, _), (to, top) = rows[channel - 1], tops[channel]
        foot = self._foot(channel, rows) + GUTTER / 2 + turn
        lines = ELBOW * len(crossing)
        left, _ = self._reach(self.column[channel])
        gutter = to - left - GUTTER / 2 - lines + turn
        head = top - GUTTER / 4 - lines + turn
        return [(dx + start, foot), (gutter, foot), (gutter, head), (to + end, head)]

    def _foot(self, channel: int, rows: Sequence[Point]) -> float:
        """Return where the column above a channel ends."""
        return rows[channel - 1][1] + max(cell.height for cell in self.cells[channel - 1])

    def _dots(self, tops: Sequence[Point]) -> list[tuple[int, Point]]:
        """Return the points where a line leaves another one that goes straight on."""
        dots = []
        for way in self.ways:
            for channel, x1, x2 in self._hops(way):
                net = self.channels[channel][way.link.net]
                if net.track is None or abs(x1 - x2) < 0.01:
                    continue
                if x1 in net.tops and x1 in net.bottoms:
                    dx, y = tops[channel]
                    dots.append((way.link.edge, (dx + x1, y + level(net.track))))
        return dots

    def _breaks(self) -> dict[int, int]:
        """Return the rows above which a column may end, with the lines that go to the next one."""
        barred = {
            channel
            for way in self.ways
            if way.head <= way.tail
            for channel in range(way.head, way.tail + 2)
        }
        lines: dict[tuple[int, int], tuple[int, int]] = {}  # net and lane -> channels it crosses
        for way in self.ways:
            key = way.link.net, id(way.lane) if way.lane else 0
            first, last = lines.get(key, (way.tail + 1, way.head))
            lines[key] = min(first, way.tail + 1), max(last, way.head)
        changes = [0] * (self.count + 2)
        for first, last in lines.values():
            changes[first] += 1
            changes[last + 1] -= 1
        counts = dict(zip(range(self.count), accumulate(changes), strict=False))
        return {c: n for c, n in counts.items() if c and 0 < n <= MOST_LINES and c not in barred}
