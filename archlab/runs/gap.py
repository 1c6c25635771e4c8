"""The gap between a deep and a shallow net over several seeds, and how sure it is. No torch.

In points the seeds' spread grows with the error: 0.9 at 3 % and 4.7 at 34 % in `docs/results.md`.
In log-odds, ln(e / (100 − e)), it is nearly the same at both ends, 0.3 and 0.2, so that both depths
share one estimate of it. Intervals are computed in log-odds and turned back into points.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from archlab.runs.record import Measurement

LEVEL = 96  # percent of the interval: 2 % of sweeps without a difference end above it
# Student's t at 98 %, by half the degrees of freedom, which are even; then the normal value.
_T = (4.849, 2.999, 2.612, 2.449, 2.359, 2.303, 2.264, 2.235, 2.214, 2.197)
_NORMAL = 2.054
_ONE_SEED = math.log(3.5)  # 2 % of pairs differ by as much where seeds spread by 0.43 in log-odds
_MOVES = 3.5  # how many times its own last moves a gap must be
_LAST = 0.9  # the share of the steps behind which a move is one of the last
_FEW = 1000  # images, where a record does not say


@dataclass(frozen=True, slots=True)
class End:
    """One run at its last step.

    Attributes:
        error: percent.
        images: how many the error is from.
        moved: the change of its log-odds over the last tenth of the steps; None where no
            measurement before that tells.
    """

    error: float
    images: int = _FEW
    moved: float | None = 0.0

    @property
    def odds(self) -> float:
        """The log-odds of an error."""
        return log_odds(self.error, self.images)


def is_number(error: float | None) -> TypeGuard[float]:
    """Whether a record has an error; anybody may have written a NaN.

    Example:
        >>> is_number(3.5), is_number(None), is_number(float("nan"))
        (True, False, False)
    """
    return error is not None and math.isfinite(error)


def log_odds(error: float, images: int) -> float:
    """Return ln(wrong / right) for an error in percent; half an image more of each keeps it finite.

    Example:
        >>> log_odds(50.0, 2000), round(log_odds(0.0, 2000), 2)
        (0.0, -8.29)
    """
    wrong = min(max(error, 0.0), 100.0) * images / 100  # anybody may have written a record
    return math.log((wrong + 0.5) / (images - wrong + 0.5))


def end_of(error: float, rows: Sequence[Measurement]) -> End:
    """Return the end of a run from its measurements."""
    if not rows:
        return End(error, moved=None)
    images = max(rows[-1].images, 1)
    before = [row for row in rows if row.step <= _LAST * rows[-1].step]
    moved = log_odds(error, images) - log_odds(before[-1].train_error, images) if before else None
    return End(error, images, moved)


@dataclass(frozen=True, slots=True)
class Gap:
    """Deep minus shallow of one kind, over the seeds that have both.

    Half of the interval is, in log-odds, the largest of three:

    * t · s · √(2/n), with the variance s² pooled over both depths: 2(n − 1) degrees of freedom;
    * 3.5 · m · √(2/n), where m is how far the runs moved in the last tenth of their steps, root
      mean square: two seeds may agree by chance while their runs still move;
    * what as many other images of the same kind would change.

    A single seed has no spread: ln 3.5 then takes the place of the first, and there is no interval.

    Example:
        >>> gap = gap_of({1: End(3.0), 2: End(2.0)}, {1: End(38.0), 2: End(29.0)})
        >>> gap.mean, gap.is_clear
        (31.0, True)
    """

    shallow: Mapping[int, End]
    deep: Mapping[int, End]

    @property
    def values(self) -> dict[int, float]:
        """The gap of each seed, in points."""
        return {seed: self.deep[seed].error - end.error for seed, end in self.shallow.items()}

    @property
    def mean(self) -> float | None:
        """In points; None where no seed has both depths."""
        return statistics.fmean(self.values.values()) if self.shallow else None

    @property
    def std(self) -> float | None:
        """The standard deviation of the gaps by seed, in points; None below two seeds."""
        return statistics.stdev(self.values.values()) if len(self.shallow) > 1 else None

    @property
    def shallow_error(self) -> float | None:
        """The mean error of the shallow net, in percent."""
        return (
            statistics.fmean(end.error for end in self.shallow.values()) if self.shallow else None
        )

    @property
    def overlap(self) -> bool | None:
        """Whether some deep run was as good as some shallow one."""
        if not self.shallow:
            return None
        best = min(end.error for end in self.deep.values())
        return best <= max(end.error for end in self.shallow.values())

    @property
    def moves_are_known(self) -> bool:
        """Whether every run was measured before the last tenth of its steps."""
        return all(end.moved is not None for end in (*self.shallow.values(), *self.deep.values()))

    @property
    def interval(self) -> tuple[float, float] | tuple[None, None]:
        """The bounds of the gap in points; nothing below two seeds, or where moves are unknown."""
        if len(self.shallow) < 2 or not self.moves_are_known:
            return None, None
        shift, half, middle = self._odds()
        low, high = (_points(middle, each) for each in (shift - half, shift + half))
        return low, high

    @property
    def is_clear(self) -> bool:
        """Whether the deep net is worse by more than seeds, last steps and images explain."""
        if not self.shallow or not self.moves_are_known:
            return False
        shift, half, _ = self._odds()
        return shift > half

    def _odds(self) -> tuple[float, float, float]:
        """Return the gap in log-odds, half of its interval, and the middle of both depths."""
        groups = [list(ends.values()) for ends in (self.shallow, self.deep)]
        odds = [[end.odds for end in group] for group in groups]
        low, high = map(statistics.fmean, odds)
        seeds = len(self.shallow)
        if seeds > 1:
            squares = ((each - mean) ** 2 for group, mean in zip(odds, (low, high), strict=True)
                       for each in group)  # fmt: skip
            pooled = sum(squares) / (2 * (seeds - 1))
            factor = _T[seeds - 2] if seeds - 2 < len(_T) else _NORMAL
            by_seed = factor * math.sqrt(2 * pooled / seeds)
        else:
            by_seed = _ONE_SEED
        moves = statistics.fmean((end.moved or 0.0) ** 2 for group in groups for end in group)
        images = min(end.images for group in groups for end in group)
        # The variance of a count's log-odds is 1 / (images · e · (1 − e)).
        counts = sum((2 + 2 * math.cosh(mean)) / images for mean in (low, high)) / seeds
        half = max(by_seed, _MOVES * math.sqrt(2 * moves / seeds), _NORMAL * math.sqrt(counts))
        return high - low, half, (low + high) / 2


def gap_of(shallow: Mapping[int, End], deep: Mapping[int, End]) -> Gap:
    """Return the gap of two groups of runs by seed; seeds that lack one depth are left out."""
    both = sorted(shallow.keys() & deep.keys())
    return Gap({seed: shallow[seed] for seed in both}, {seed: deep[seed] for seed in both})


@dataclass(frozen=True, slots=True)
class Removal:
    """The share of the plain gap that shortcuts remove: 1 is all, more where deeper wins."""

    share: float | None = None
    low: float | None = None
    high: float | None = None


def removal(plain: Gap, residual: Gap) -> Removal:
    """Return (plain gap − residual gap) / plain gap, with bounds from the ends of both intervals.

    The bounds are wider than need be, since both intervals are rarely off at once. There are none
    where the plain gap may be 0.

    Example:
        >>> none = gap_of({1: End(15.0)}, {1: End(15.0)})
        >>> removal(gap_of({1: End(18.0)}, {1: End(48.0)}), none).share
        1.0
    """
    if plain.mean is None or residual.mean is None or plain.mean <= 0:
        return Removal()
    share = 1 - residual.mean / plain.mean
    least, most = plain.interval
    low, high = residual.interval
    if least is None or most is None or low is None or high is None or least <= 0:
        return Removal(share)
    return Removal(
        share,
        low=1 - high / (least if high > 0 else most),
        high=1 - low / (most if low > 0 else least),
    )


def _points(middle: float, shift: float) -> float:
    """Return a difference of log-odds around a middle as a difference of errors, in points."""
    high, low = (1 / (1 + math.exp(-middle - half)) for half in (shift / 2, -shift / 2))
    return 100 * (high - low)
