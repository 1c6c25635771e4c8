"""The verdict on results made up by hand."""

import json
import statistics

import pytest

from archlab import files
from archlab.errors import RunError
from archlab.runs import ledger, record, verdict
from archlab.runs.ledger import Run
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Outcome, Plan
from archlab.runs.verdict import BOTH, NOT_SHOWN, REPRODUCED, judged

DEMO = RECIPES["demo"]


def plan(kind: str, depth: int, seed: int) -> Plan:
    return Plan(
        model=f"{kind}{depth}", options={}, seed=seed, recipe=DEMO, data="embedded",
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
            made.append(Run(tmp_path, plan(kind, int(depth), seed), end, ()))
    return made


def test_degradation_removed(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[1.0, 2.0, 1.5], plain_56=[30.0, 35.0, 28.0],
                         residual_20=[0.0, 0.1, 0.0], residual_56=[0.0, 0.0, 0.05]))  # fmt: skip
    gaps = [29.0, 33.0, 26.5]
    assert result.outcome == BOTH
    assert result.plain_gap == pytest.approx(statistics.fmean(gaps))
    # Student's t with two degrees of freedom: 4.303 (any table).
    half = 4.303 * statistics.stdev(gaps) / 3**0.5
    assert result.plain_low == pytest.approx(29.5 - half)
    assert result.plain_high == pytest.approx(29.5 + half)
    assert result.residual_gap == pytest.approx((0.0 - 0.1 + 0.05) / 3)
    assert result.overlap is False
    assert result.status == "complete"
    assert "this does not say that deeper wins" in str(result)


def test_deeper_wins_is_said_where_it_does(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[18.5], plain_56=[47.5], residual_20=[15.3],
                         residual_56=[13.9]))  # fmt: skip
    assert result.outcome == BOTH
    assert result.deeper_wins is True
    assert "the deeper residual net is the better one" in str(result)
    assert "one seed: its spread is not known" in str(result)
    assert result.plain_std is None


@pytest.mark.parametrize(
    ("plain_20", "plain_56", "residual_56", "outcome"),
    [
        ([1.0, 2.0], [30.0, 31.0], [9.0, 9.0], REPRODUCED),  # the residual net suffers too
        ([1.0, 2.0], [1.5, 2.5], [1.0, 1.0], NOT_SHOWN),  # half a point
        ([10.0, 2.0], [9.0, 31.0], [1.0, 1.0], NOT_SHOWN),  # seeds overlap
        ([0.0, 0.0], [2.0, 30.0], [1.0, 1.0], NOT_SHOWN),  # the interval holds 0
        ([5.0, 5.0], [1.0, 1.0], [1.0, 1.0], NOT_SHOWN),  # deeper is better
    ],
)
def test_outcomes(tmp_path, plain_20, plain_56, residual_56, outcome) -> None:
    result = judged(runs(tmp_path, plain_20=plain_20, plain_56=plain_56,
                         residual_20=[1.0, 1.0], residual_56=residual_56))  # fmt: skip
    assert result.outcome == outcome


def test_failed_runs_are_named_and_their_seeds_left_out(tmp_path) -> None:
    result = judged(runs(tmp_path, plain_20=[1.0, 1.0], plain_56=[30.0, None],
                         residual_20=[0.0, 0.0], residual_56=[0.0, 0.0]))  # fmt: skip
    assert result.plain_gap == 29.0
    assert result.seeds == 1
    assert result.status == "partial"
    assert "plain-56 seed 2: failed, the loss is not finite" in str(result)


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
    ledger.write_sweep(tmp_path, plans)


def test_the_verdict_comes_from_files(tmp_path) -> None:
    sweep(tmp_path, {("plain", 20): 2.0, ("plain", 56): 30.0, ("residual", 20): 1.0,
                     ("residual", 56): 1.2})  # fmt: skip
    result = verdict.verdict(tmp_path)
    verdict.write_verdict(tmp_path, result)
    written = json.loads((tmp_path / "verdict.json").read_text())
    assert (written["outcome"], written["plain_gap"]) == (BOTH, 28.0)
    assert written["residual_gap"] == pytest.approx(0.2)
    assert written["per_seed"] == [
        {"seed": 1, "plain-20": 2.0, "plain-56": 30.0, "residual-20": 1.0, "residual-56": 1.2,
         "plain_gap": 28.0, "residual_gap": pytest.approx(0.2)}
    ]  # fmt: skip
