"""The lines between two rows: each net has a track of its own, where others are not in its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SAME = 3.0  # points within which two lines are one
APART = 8.0  # between the ends of two lines on one track
BEFORE, STEP, BEHIND = 14.0, 9.0, 16.0  # above the first track, between tracks, below the last
LEAST = 24.0  # the height of a channel with straight lines only


@dataclass(slots=True)
class Net:
    """The lines of one source in a channel: where they come in above, and leave below."""

    tops: set[float] = field(default_factory=set)
    bottoms: set[float] = field(default_factory=set)
    track: int | None = None

    @property
    def ends(self) -> set[float]:
        """All places where it meets the edges of the channel."""
        return self.tops | self.bottoms

    @property
    def straight(self) -> bool:
        """Whether it needs no track."""
        ends = self.ends
        return max(ends) - min(ends) < 0.01 and bool(self.tops) and bool(self.bottoms)


def route(nets: Mapping[int, Net]) -> int:
    """Give the nets of a channel their tracks, from the top; return how many tracks there are."""
    bundles = _bundles(nets)
    above = [
        {j for j, other in enumerate(bundles) if j != i and _must_be_above(other, bundle)}
        for i, bundle in enumerate(bundles)
    ]
    tracks: list[list[tuple[float, float]]] = []
    given: dict[int, int] = {}
    waiting = sorted(range(len(bundles)), key=lambda i: _order(bundles[i]))
    while waiting:
        # Two nets can each want to be above the other: then the first goes first.
        free = next((i for i in waiting if not above[i] & set(waiting)), waiting[0])
        waiting.remove(free)
        ends = _ends(bundles[free])
        low, high = min(ends), max(ends)
        first = max((given[j] + 1 for j in above[free] if j in given), default=0)
        track = first
        while track < len(tracks) and any(
            low < b + APART and a < high + APART for a, b in tracks[track]
        ):
            track += 1
        while len(tracks) <= track:
            tracks.append([])
        tracks[track].append((low, high))
        given[free] = track
        for net in bundles[free]:
            net.track = track
    return len(tracks)


def height(tracks: int) -> float:
    """Return how high a channel with so many tracks is."""
    return max(LEAST, BEFORE + STEP * (tracks - 1) + BEHIND) if tracks else LEAST


def level(track: int) -> float:
    """Return how far a track lies below the top of its channel."""
    return BEFORE + STEP * track


def _bundles(nets: Mapping[int, Net]) -> list[list[Net]]:
    """Return the nets that need a track; those that only meet in one point below share it."""
    joins: dict[float, list[Net]] = {}
    bundles: list[list[Net]] = []
    for net in nets.values():
        if net.straight:
            continue
        if len(net.bottoms) == 1 and net.tops:
            (bottom,) = net.bottoms
            joins.setdefault(round(bottom, 1), []).append(net)
        else:
            bundles.append([net])
    return bundles + list(joins.values())


def _ends(bundle: list[Net]) -> set[float]:
    return set().union(*(net.ends for net in bundle))


def _must_be_above(first: list[Net], second: list[Net]) -> bool:
    """Whether a line down to the first one would run over a line down from the second one."""
    tops = [x for net in first for x in net.tops]
    bottoms = [x for net in second for x in net.bottoms]
    return any(abs(a - b) < SAME for a in tops for b in bottoms)


def _order(bundle: list[Net]) -> tuple[float, float]:
    """Lines to the right: the rightmost first; to the left: the leftmost first. So none cross."""
    tops = [x for net in bundle for x in net.tops] or [0.0]
    bottoms = [x for net in bundle for x in net.bottoms] or [0.0]
    start, goal = sum(tops) / len(tops), sum(bottoms) / len(bottoms)
    return (-start, 0.0) if goal > start else (start, 1.0)
