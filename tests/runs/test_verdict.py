"""The verdict on results made up by hand."""

import json
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from archlab import files
from archlab.errors import RunError
from archlab.runs import ledger, record, verdict
from archlab.runs.ledger import Run
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Outcome, Plan
from archlab.runs.verdict import (
    BOTH,
    HINT,
    NOT_SHOWN,
    OUTCOMES,
    REPRODUCED,
    UNTRAINED,
    chance,
    judged,
)  # fmt: skip

DEMO = RECIPES["demo"]


KEPT = Path(__file__).parents[2] / "docs" / "tutorial" / "runs" / "degradation-demo"


def plan(kind: str, depth: int, seed: int, **options: int) -> Plan:
    return Plan(
        model=f"{kind}{depth}", options=options, seed=seed, recipe=DEMO, data="embedded",
        data_dir=".data", data_name="made up", fingerprint="0", kind=kind, depth=depth,
    )  # fmt: skip


def runs(tmp_path, **errors: list[float | None]) -> list[Run]:
    """Return runs of `plain_20=[error of seed 1, seed 2 …]`; None is a run that failed."""
    made = []
    for net, values in errors.items():
        kind, depth = net.split("_")
        for seed, value in enumerate(values, 1):
            end = Outcome("failed", why="the loss is not finite") if value is None else Outcome(
                "done", 9, 9, value, value, value + 1)  # fmt: skip
            rows = () if value is None else still(value)
            made.append(Run(tmp_path, plan(kind, int(depth), seed), end, rows))
    return made


def still(error: float) -> tuple[Measurement, ...]:
    """Return the last two measurements of a run that did not move, of 1,000 images."""
    return tuple(
        Measurement(step, 1.0, 0.1, 0.5, error, error, error, 0.7, 1000, 1.0) for step in (8, 9)
    )


def test_degradation_removed(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[1.0, 2.0, 1.5], plain_56=[30.0, 35.0, 28.0],
                         residual_20=[0.0, 0.1, 0.0], residual_56=[0.0, 0.0, 0.05]))  # fmt: skip
    gaps = [29.0, 33.0, 26.5]
    assert result.outcome == BOTH
    assert result.plain_gap == pytest.approx(statistics.fmean(gaps))
    assert result.plain_std == pytest.approx(statistics.stdev(gaps))
    assert 0 < result.plain_low < result.plain_gap < result.plain_high
    assert result.residual_gap == pytest.approx((0.0 - 0.1 + 0.05) / 3)
    assert result.overlap is False
    assert result.status == "complete"
    assert "this does not say that deeper wins" in str(result)


def test_one_seed_is_a_hint_with_an_outcome_of_its_own(tmp_path) -> None:
    # CIFAR-10 by `fast`, seed 1: docs/results.md.
    result = judged(runs(tmp_path, plain_20=[17.96], plain_56=[48.32], residual_20=[15.65],
                         residual_56=[13.74]))  # fmt: skip
    assert result.outcome == HINT
    assert result.deeper_wins is None
    assert result.plain_std is result.plain_low is result.removal_low is None
    assert result.removal == pytest.approx(1 + 1.91 / 30.36)
    text = str(result)
    assert "verdict: hint: one seed. Plain-56 fits its own training images worse" in text
    assert "one seed: its spread is not known" in text
    assert "106 % of the gap is gone, in the one seed" in text
    assert "Two seeds or more can show it." in text


def test_one_seed_with_a_small_gap_is_not_even_a_hint(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[18.0], plain_56=[30.0]))  # odds twice as high
    assert result.outcome == NOT_SHOWN
    assert "3.5 times the odds of an error are asked of one seed" in str(result)


def test_deeper_wins_is_said_where_its_interval_says_so(tmp_path) -> None:
    # The seed of docs/results.md and the pilot by other code. On 1,000 images, as assumed where no
    # measurements are, two seeds do not tell 1.7 points of 15 from none.
    plain = {"plain_20": [17.96, 18.5], "plain_56": [48.32, 47.5], "residual_20": [15.65, 15.3]}
    result = judged(runs(tmp_path, **plain, residual_56=[13.74, 13.9]))
    assert (result.outcome, result.deeper_wins) == (BOTH, False)
    assert "the residual nets are level: this does not say that deeper wins" in str(result)
    better = judged(runs(tmp_path, **plain, residual_56=[8.74, 8.9]))
    assert better.deeper_wins is True
    assert "the deeper residual net is the better one" in str(better)
    worse = judged(runs(tmp_path, **plain, residual_56=[20.0, 20.1]))
    assert "the residual net has a gap too, of 4.58 points" in str(worse)


@pytest.mark.parametrize(
    ("plain_20", "plain_56", "residual_56", "outcome"),
    [
        ([1.0, 2.0], [30.0, 31.0], [9.0, 9.0], REPRODUCED),  # the residual net suffers too
        ([1.0, 2.0], [30.0, 31.0], [1.0, 9.0], REPRODUCED),  # in the mean, four points remain
        ([1.0, 2.0], [1.5, 2.5], [1.0, 1.0], NOT_SHOWN),  # half a point
        ([10.0, 2.0], [9.0, 31.0], [1.0, 1.0], NOT_SHOWN),  # seeds overlap
        ([0.0, 0.0], [2.0, 30.0], [1.0, 1.0], NOT_SHOWN),  # the interval holds 0
        ([5.0, 5.0], [1.0, 1.0], [1.0, 1.0], NOT_SHOWN),  # deeper is better
        ([46.0, 46.0], [70.0, 71.0], [1.0, 1.0], UNTRAINED),  # above half of 90 %
        ([44.0, 44.0], [70.0, 71.0], [1.0, 1.0], BOTH),
        ([89.0, 88.5], [90.0, 90.0], [89.0, 89.0], UNTRAINED),  # after four steps
    ],
)
def test_outcomes(tmp_path, plain_20, plain_56, residual_56, outcome) -> None:
    result = judged(runs(tmp_path, plain_20=plain_20, plain_56=plain_56,
                         residual_20=[1.0, 1.0], residual_56=residual_56))  # fmt: skip
    assert result.outcome == outcome
    assert outcome in OUTCOMES


def test_a_small_residual_gap_is_told_from_none_on_many_images(tmp_path) -> None:
    # One point of 15 %, on 50,000 images, in two seeds that agree: more than images explain.
    made = runs(tmp_path, plain_20=[18.0, 18.1], plain_56=[48.0, 48.1], residual_20=[15.0, 15.02],
                residual_56=[16.0, 16.02])  # fmt: skip
    many = [tuple(replace(row, images=50_000) for row in run.rows) for run in made]
    result = judged([replace(run, rows=rows) for run, rows in zip(made, many, strict=True)])
    assert result.outcome == BOTH
    assert result.residual_low > 0
    assert "the deeper residual net is a little worse" in str(result)


def test_without_residual_nets_nothing_is_said_of_shortcuts(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[2.0, 2.2], plain_56=[30.0, 31.0]))
    assert (result.outcome, result.removal) == (REPRODUCED, None)
    assert "the residual net was not measured" in str(result)


def test_an_error_that_is_no_number_is_left_out(tmp_path) -> None:
    made = runs(tmp_path, plain_20=[2.0, float("nan")], plain_56=[30.0, 31.0])
    result = judged(made)
    assert (result.outcome, result.seeds, result.plain_gap) == (HINT, 1, 28.0)


def test_the_residual_gap_is_asked_for_its_interval(tmp_path) -> None:
    # Mean gaps of 0 both times: two residual nets that agree, and two that say nothing.
    nets = {"plain_20": [2.0, 2.2], "plain_56": [30.0, 31.0]}
    sure = judged(runs(tmp_path, **nets, residual_20=[2.0, 2.1], residual_56=[2.1, 2.0]))
    unsure = judged(runs(tmp_path, **nets, residual_20=[2.0, 12.0], residual_56=[12.0, 2.0]))
    assert (sure.outcome, unsure.outcome) == (BOTH, REPRODUCED)
    assert sure.residual_gap == pytest.approx(unsure.residual_gap)
    assert "whether shortcuts remove it is not certain" in str(unsure)


@pytest.mark.parametrize(("classes", "outcome"), [(10, UNTRAINED), (100, BOTH)])
def test_chance_depends_on_the_classes(tmp_path, classes, outcome) -> None:
    # Half of chance is 45 % of ten classes and 49.5 % of a hundred.
    errors = {("plain", 20): 48.0, ("plain", 56): 80.0,
              ("residual", 20): 20.0, ("residual", 56): 20.0}  # fmt: skip
    made = [
        Run(
            tmp_path,
            plan(*net, seed, num_classes=classes),
            Outcome("done", 9, 9, error),
            still(error),
        )
        for net, error in errors.items()
        for seed in (1, 2, 3)
    ]
    assert chance(made) == pytest.approx(100 - 100 / classes)
    assert judged(made).outcome == outcome
    # A record of a net without a number of classes: the nets' own default is ten.
    assert chance(runs(tmp_path, plain_20=[1.0])) == pytest.approx(90)


def test_an_untrained_net_is_named_with_what_is_asked(tmp_path) -> None:
    text = str(judged(runs(tmp_path, plain_20=[88.0, 89.0], plain_56=[90.0, 90.0])))
    assert "Plain-20 still errs on 88.5 % of its training images, and guessing errs on 90 %" in text


def test_the_kept_demo_is_reproduced_and_removed() -> None:
    result = verdict.verdict(KEPT)
    assert (result.outcome, result.seeds) == (BOTH, 3)
    assert result.plain_low > 15
    assert result.removal_low > 0.99
    # Any one of its seeds gives a hint, and any two show it.
    every = ledger.read_sweep(KEPT)
    for left_out in (1, 2, 3):
        two = [run for run in every if run.plan.seed != left_out]
        one = [run for run in every if run.plan.seed == left_out]
        assert judged(two).outcome == BOTH
        assert judged(one).outcome == HINT


def test_the_five_fresh_seeds_are_reproduced_and_removed(tmp_path) -> None:
    # docs/results.md, seeds 11 to 15.
    result = judged(runs(tmp_path, plain_20=[3.15, 2.0, 2.55, 2.15, 4.25],
                         plain_56=[33.35, 29.45, 31.1, 41.6, 34.15],
                         residual_20=[0.0] * 5, residual_56=[0.0, 0.0, 0.0, 0.0, 0.1]))  # fmt: skip
    assert result.outcome == BOTH
    assert result.plain_gap == pytest.approx(31.11, abs=0.005)  # the page's mean
    assert result.plain_std == pytest.approx(4.79, abs=0.005)


def test_failed_runs_are_named_and_their_seeds_left_out(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[1.0, 1.0], plain_56=[30.0, None],
                         residual_20=[0.0, 0.0], residual_56=[0.0, 0.0]))  # fmt: skip
    assert result.plain_gap == 29.0
    assert result.seeds == 1
    assert result.status == "partial"
    assert "plain-56 seed 2: failed, the loss is not finite" in str(result)


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("seeds", [1, 2])
def test_runs_that_were_measured_at_their_end_alone_show_nothing(tmp_path, kept, seeds) -> None:
    """How far a run still moves is part of the rule: without it there is no interval."""
    errors = {"plain_20": 1.0, "plain_56": 30.0, "residual_20": 1.0, "residual_56": 1.0}
    made = runs(tmp_path, **{net: [error] * seeds for net, error in errors.items()})
    assert judged(made).outcome == (HINT if seeds == 1 else BOTH)
    cut = [replace(run, rows=run.rows[2 - kept :]) for run in made]
    result = judged(cut)
    assert (result.outcome, result.plain_low, result.deeper_wins) == (NOT_SHOWN, None, None)
    assert (result.status, len(result.missing)) == ("partial", 4 * seeds)
    assert "no measurement in metrics.csv before the last tenth of the steps" in str(result)
    # Where the residual nets alone lack it, what becomes of the gap is unknown.
    half = [
        whole if whole.plan.kind == "plain" else less for whole, less in zip(made, cut, strict=True)
    ]
    assert judged(half).outcome == (HINT if seeds == 1 else REPRODUCED)
    assert "whether shortcuts remove it is not known" in str(judged(half))


@pytest.mark.parametrize("error", [None, float("nan")])
def test_a_run_that_is_done_without_an_error_is_named(tmp_path, error) -> None:
    made = runs(tmp_path, plain_20=[1.0, 1.0], plain_56=[30.0, 30.0])
    made[-1] = replace(made[-1], outcome=replace(made[-1].outcome, train_error=error))
    result = judged(made)
    assert (result.status, result.seeds) == ("partial", 1)
    assert "plain-56 seed 2: done, without a training error" in str(result)


def test_without_plain_nets_nothing_is_shown(tmp_path) -> None:
    result = judged(runs(tmp_path, residual_20=[1.0], residual_56=[1.0]))
    assert (result.outcome, result.plain_gap, result.overlap) == (NOT_SHOWN, None, None)


def test_one_depth_is_no_comparison(tmp_path) -> None:
    with pytest.raises(RunError, match="two depths"):
        judged(runs(tmp_path, plain_20=[1.0]))


def sweep(tmp_path, errors: dict[tuple[str, int], float]) -> None:
    plans = [plan(kind, depth, 1) for kind, depth in errors]
    for one in plans:
        folder = tmp_path / one.name
        record.write_plan(folder, one)
        error = errors[one.kind, one.depth]
        files.write_json(folder / record.DONE, {"status": "done", "step": 9, "total": 9,
                         "train_error": error, "running_error": error,
                         "test_error": error + 1, "seconds": 1.5})  # fmt: skip
        record.write_metrics(folder, still(error))
    ledger.write_sweep(tmp_path, plans)


def test_the_verdict_comes_from_files(tmp_path) -> None:
    sweep(tmp_path, {("plain", 20): 2.0, ("plain", 56): 30.0, ("residual", 20): 1.0,
                     ("residual", 56): 1.2})  # fmt: skip
    result = verdict.verdict(tmp_path)
    verdict.write_verdict(tmp_path, result)
    written = json.loads((tmp_path / "verdict.json").read_text())
    assert (written["outcome"], written["plain_gap"]) == (HINT, 28.0)
    assert written["residual_gap"] == pytest.approx(0.2)
    assert written["removal"] == pytest.approx(1 - 0.2 / 28)
    assert written["published"] is None  # made up images
    assert written["per_seed"] == [
        {"seed": 1, "plain-20": 2.0, "plain-56": 30.0, "residual-20": 1.0, "residual-56": 1.2,
         "plain_gap": 28.0, "residual_gap": pytest.approx(0.2)}
    ]  # fmt: skip
