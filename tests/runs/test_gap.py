"""The rule behind the verdict, on thousands of sweeps drawn from known spreads."""

import itertools

import numpy as np
import pytest

from archlab.runs.gap import End, end_of, gap_of, log_odds, removal
from archlab.runs.record import Measurement
from archlab.runs.verdict import DEGRADES, REMOVED

SWEEPS = 4000
# Three standard errors of a rate of 2 % in so many sweeps.
SLACK = 3 * (0.02 * 0.98 / SWEEPS) ** 0.5
# Mean, standard deviation and images of measured errors.
# The demo's five fresh seeds, `docs/results.md`:
DEMO_20, DEMO_56 = (2.82, 0.91, 2000), (33.93, 4.67, 2000)
# The same page, CIFAR-10 by `fast`: means and spreads of its seed and of the pilot by other code.
FAST_20, FAST_56 = (18.23, 0.38, 50_000), (47.91, 0.58, 50_000)
# Five runs of the paper's recipe, `archlab.runs.published`; test errors, on 10,000 images.
FULL_20, FULL_56 = (9.78, 0.13, 10_000), (12.95, 0.22, 10_000)
# The same page: its residual nets. No error in 2,000 images, but for two in one run of 56 layers.
FLOOR_20, FLOOR_56 = (0.0, 0.0, 2000), (0.02, 0.04, 2000)
# How far the kept demo runs moved in their last tenth, root mean square in log-odds: 0.53 and 0.16
# (`docs/tutorial/runs`). Of the others it is not known; a spread or so is taken.
DEMO_MOVES = (0.53, 0.16)


def odds_spread(mean: float, std: float) -> float:
    """Return a standard deviation in points as one in log-odds."""
    return std / mean / (1 - mean / 100)


def drawn(
    rng, net, seeds: int, moved: float, tails: int | None, sweeps: int = SWEEPS
) -> list[dict[int, End]]:
    """Return the ends of one net in many sweeps: errors of whole images, normal or Student's t."""
    mean, std, images = net
    shape = (sweeps, seeds)
    noise = rng.standard_normal(shape)
    if tails:
        noise = rng.standard_t(tails, shape) / (tails / (tails - 2)) ** 0.5  # of variance 1
    errors = np.clip(mean + std * noise, 0, 100)
    errors = 100 * np.round(errors * images / 100) / images
    moves = moved * rng.standard_normal(shape)
    return [
        {
            seed: End(error, images, move)
            for seed, (error, move) in enumerate(zip(*each, strict=True))
        }
        for each in zip(errors.tolist(), moves.tolist(), strict=True)
    ]


def share_shown(shallow, deep, seeds: int, moves, tails: int | None = None) -> float:
    """Return the share of sweeps in which the deep net is clearly worse."""
    rng = np.random.default_rng(7)
    nets = zip((shallow, deep), moves, strict=True)
    ends = [drawn(rng, net, seeds, moved, tails) for net, moved in nets]
    gaps = [gap_of(low, high) for low, high in zip(*ends, strict=True)]
    return sum(gap.is_clear and gap.mean >= DEGRADES for gap in gaps) / SWEEPS


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize(
    "net",
    [DEMO_20, DEMO_56, FAST_20, FULL_56, (20.0, 3.0, 50_000)],
    ids=["demo-20", "demo-56", "fast-20", "full-56", "wide"],
)
def test_without_a_difference_two_sweeps_in_a_hundred_show_one(net, seeds) -> None:
    # Both depths spread alike, and runs that do not move at all give the least protection.
    assert share_shown(net, net, seeds, (0, 0)) <= 0.02 + SLACK


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("stds", [(0.9, 4.7), (4.7, 0.9), (2.0, 4.0)])
@pytest.mark.parametrize("tails", [None, 3])
def test_unequal_and_heavy_spreads_do_not_show_more(stds, seeds, tails) -> None:
    # Equal means, the demo's two spreads, and runs that still move by half of their spread; those
    # of the demo moved by three quarters or more.
    nets = [(20.0, std, 2000) for std in stds]
    moves = [odds_spread(20.0, std) / 2 for std in stds]
    assert share_shown(*nets, seeds, moves, tails) <= 0.02 + SLACK


def test_the_known_limit_five_times_the_spread_in_runs_at_rest() -> None:
    # No rule for two seeds finds the demo's gap in 95 % and keeps 2 % here, where one net's spread
    # says nothing of the other's: one degree of freedom is left. The docs name the 4 %.
    nets = [(20.0, std, 2000) for std in (0.9, 4.7)]
    assert share_shown(*nets, 2, (0, 0)) == pytest.approx(0.04, abs=0.01)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(
    ("shallow", "deep", "moves"),
    [(DEMO_20, DEMO_56, DEMO_MOVES), (FAST_20, FAST_56, (0.02, 0.02)),
     (FULL_20, FULL_56, (0.02, 0.02))],
    ids=["demo", "fast", "full"],
)  # fmt: skip
def test_measured_gaps_are_found(shallow, deep, moves, seeds) -> None:
    assert share_shown(shallow, deep, seeds, moves) >= 0.95


def test_measured_gaps_are_found_with_heavy_tails() -> None:
    assert share_shown(DEMO_20, DEMO_56, 2, DEMO_MOVES, tails=3) >= 0.94
    assert share_shown(DEMO_20, DEMO_56, 3, DEMO_MOVES, tails=3) >= 0.95


def test_one_seed_hints_at_large_gaps_alone() -> None:
    assert share_shown(DEMO_20, DEMO_56, 1, DEMO_MOVES) >= 0.85
    assert share_shown(FAST_20, FAST_56, 1, (0.02, 0.02)) >= 0.95
    assert (
        share_shown(FULL_20, FULL_56, 1, (0.02, 0.02)) == 0
    )  # 3 points are none: said in the docs


def covered(residual_20, residual_56, seeds: int) -> tuple[float, float]:
    """Return how often the bounds of the removal hold the truth, and how often it is 'removed'."""
    rng = np.random.default_rng(11)
    nets = (DEMO_20, DEMO_56, residual_20, residual_56)
    ends = [drawn(rng, net, seeds, 0.0, None, 1000) for net in nets]
    truth = 1 - (residual_56[0] - residual_20[0]) / (DEMO_56[0] - DEMO_20[0])
    held = removed = known = 0
    for low, high, residual_low, residual_high in zip(*ends, strict=True):
        found = removal(gap_of(low, high), gap_of(residual_low, residual_high))
        if found.low is None or found.high is None:
            continue
        known += 1
        held += found.low <= truth <= found.high
        removed += found.low >= REMOVED
    return held / known, removed / 1000


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_bounds_of_the_removal_hold_the_truth(seeds) -> None:
    shallow, whole = (15.0, 0.5, 2000), DEMO_56[0] - DEMO_20[0]
    held, removed = covered(shallow, (15.0 + whole / 2, 2.0, 2000), seeds)
    assert held >= 0.95
    assert removed <= 0.001
    held, removed = covered(shallow, (15.0 + whole / 5, 2.0, 2000), seeds)  # at the bar
    assert held >= 0.95
    assert removed <= 0.04
    held, removed = covered(FLOOR_20, FLOOR_56, seeds)
    assert held >= 0.95
    assert removed >= 0.95


def test_the_interval_by_hand() -> None:
    # One image of each more or less: 20 and 40 wrong of 100 is ln(20.5/80.5) and ln(40.5/60.5).
    gap = gap_of({1: End(19.0, 100), 2: End(21.0, 100)}, {1: End(38.0, 100), 2: End(42.0, 100)})
    odds = [np.log((wrong + 0.5) / (100.5 - wrong)) for wrong in (19, 21, 38, 42)]
    low, high = np.mean(odds[:2]), np.mean(odds[2:])
    pooled = (np.var(odds[:2], ddof=1) + np.var(odds[2:], ddof=1)) / 2
    # Any table of Student's t: 4.849 is the 98 % point for two degrees of freedom.
    by_seed = 4.849 * np.sqrt(pooled)
    by_count = 2.054 * np.sqrt(
        sum(1 / (100 * p * (1 - p)) for p in 1 / (1 + np.exp([-low, -high]))) / 2
    )
    half, middle = max(by_seed, by_count), (low + high) / 2
    bounds = [
        100 * (1 / (1 + np.exp(-middle - shift / 2)) - 1 / (1 + np.exp(-middle + shift / 2)))
        for shift in (high - low - half, high - low + half)
    ]
    assert gap.interval == pytest.approx(tuple(bounds), abs=1e-9)
    assert gap.mean == 20.0
    assert gap.interval[0] < 20.0 < gap.interval[1]


def test_moves_of_the_last_tenth_widen_the_interval() -> None:
    def run(*errors: float) -> tuple[Measurement, ...]:
        return tuple(
            Measurement(10 * step, 1.0, 0.1, 0.5, error, error, error, 0.7, 1000, 1.0)
            for step, error in enumerate(errors, 1)
        )

    still, moving = run(*[30.0] * 10), run(*[30.0] * 8, 40.0, 30.0)
    assert end_of(30.0, still).moved == 0
    assert end_of(30.0, moving).moved == log_odds(30.0, 1000) - log_odds(40.0, 1000)
    assert end_of(30.0, ()) == End(30.0, moved=None)
    assert end_of(30.0, run(30.0)).moved is None  # one measurement says nothing of moves
    calm, restless = (
        gap_of(
            {seed: end_of(5.0, run(*[5.0] * 10)) for seed in (1, 2)},
            {seed: end_of(30.0 + seed, rows) for seed in (1, 2)},
        )
        for rows in (still, moving)
    )
    assert calm.interval[0] > restless.interval[0]


def test_impossible_records_are_bounded() -> None:
    assert log_odds(250.0, 10) == log_odds(100.0, 10)
    assert log_odds(-1.0, 10) == log_odds(0.0, 10)
    row = Measurement(9, 1.0, 0.1, 0.5, 5.0, 5.0, 5.0, 0.7, 0, 1.0)  # of no image
    assert end_of(5.0, (row,)).images == 1


def test_seeds_pair_and_the_floor_has_an_interval() -> None:
    zero = {seed: End(0.0, 2000) for seed in (1, 2, 3)}
    gap = gap_of(zero, {seed: End(0.0, 2000) for seed in (2, 3, 4)})
    assert list(gap.values) == [2, 3]
    low, high = gap.interval
    # Nobody knows an error of 0 in 2,000 images to better than an image or two.
    assert -0.2 < low < -0.02 < 0.02 < high < 0.2
    assert gap.overlap is True
    empty = gap_of(zero, {})
    assert (empty.mean, empty.std, empty.overlap, empty.is_clear) == (None, None, None, False)


def test_the_removal_by_hand() -> None:
    plain = gap_of({1: End(10.0), 2: End(10.0)}, {1: End(30.0), 2: End(30.0)})
    residual = gap_of({1: End(5.0), 2: End(5.0)}, {1: End(9.0), 2: End(9.0)})
    found = removal(plain, residual)
    (least, most), (low, high) = plain.interval, residual.interval
    assert found.share == 1 - 4 / 20
    assert (found.low, found.high) == (1 - high / least, 1 - low / most)
    # The other way round there is no gap to remove.
    assert removal(gap_of(plain.deep, plain.shallow), residual).share is None


def test_a_hundred_seeds_take_the_normal_value() -> None:
    low = dict(zip(range(100), itertools.cycle([End(9.0), End(11.0)])))
    high = dict(zip(range(100), itertools.cycle([End(12.0), End(14.0)])))
    assert gap_of(low, high).is_clear
