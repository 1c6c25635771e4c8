"""The verdict on a sweep, from its files alone: does depth hurt, and does the shortcut heal?

It rests on *training* error in eval mode, on all training images, at the last step of every seed;
never on the best epoch, never on test error. No torch.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from archlab import files
from archlab.errors import RunError, keyword
from archlab.result import Column, Header, Missing, Result, Unit
from archlab.runs.ledger import Run, read_sweep

VERDICT = "verdict.json"
BOTH = "degradation reproduced and removed by shortcuts"
REPRODUCED = "degradation reproduced"
NOT_SHOWN = "not shown"
DEGRADES = 1.0  # points of training error: less than this is no degradation
REMOVED = 0.5  # points: a residual gap up to this is none
# Student's t, two-sided 95 %, by degrees of freedom; above ten the normal value is near enough.
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True, slots=True)
class VerdictTotals:
    """The outcome, and deep minus shallow training error in points.

    `plain_low` and `plain_high` bound the mean gap's 95 % interval (paired by seed, Student's t);
    null for fewer than two seeds. `overlap` says whether some deep plain run was as good as some
    shallow one. `deeper_wins` is whether the deep residual net has less training error in the mean.
    """

    outcome: str
    shallow: int
    deep: int
    seeds: int
    plain_gap: float | None
    plain_std: float | None
    plain_low: float | None
    plain_high: float | None
    residual_gap: float | None
    residual_std: float | None
    residual_low: float | None
    residual_high: float | None
    overlap: bool | None
    deeper_wins: bool | None


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One run at its last step; errors in percent."""

    path: str
    kind: str
    depth: int
    seed: int
    status: str
    step: int
    train_error: float | None
    running_error: float | None
    test_error: float | None
    seconds: float


COLUMNS = (
    Column("path", "run"),
    Column("status", "status"),
    Column("step", "steps", Unit.COUNT),
    Column("train_error", "train error %", Unit.NUMBER),
    Column("running_error", "running %", Unit.NUMBER),
    Column("test_error", "test error %", Unit.NUMBER),
    Column("seconds", "seconds", Unit.NUMBER),
)
CONVENTION = (
    "train error: eval mode, all training images without augmentation, last step · running: mean "
    "over the augmented batches since the measurement before · gap: deep − shallow, in points"
)


@dataclass(frozen=True, slots=True)
class _Gap:
    """Deep minus shallow of one kind, by seed."""

    values: Mapping[int, float]
    overlap: bool

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.values.values()) if self.values else None

    @property
    def std(self) -> float | None:
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None

    @property
    def interval(self) -> tuple[float, float] | tuple[None, None]:
        """The mean's 95 % interval; nothing for fewer than two seeds."""
        if self.mean is None or self.std is None:
            return None, None
        seeds = len(self.values)
        factor = _T95[seeds - 2] if seeds - 2 < len(_T95) else 1.96
        half = factor * self.std / math.sqrt(seeds)
        return self.mean - half, self.mean + half


def verdict(out: Path) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on the sweep in a folder.

    Raises:
        RunError: the folder holds no sweep, or a sweep of one depth.
    """
    return judged(read_sweep(out))


def judged(runs: Sequence[Run]) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on runs that were read."""
    depths = sorted({run.plan.depth for run in runs})
    if len(depths) < 2:
        raise RunError(f"A verdict needs two depths or more, as {keyword('depths')} 20,56.")
    plain, residual = (_gap(runs, kind, depths[0], depths[-1]) for kind in ("plain", "residual"))
    totals = _totals(plain, residual, depths)
    return Result(
        name="verdict",
        header=_header(runs),
        totals=totals,
        rows=tuple(map(_row, runs)),
        columns=COLUMNS,
        missing=tuple(_missing(run) for run in runs if run.outcome.status != "done"),
        footer=(*_means(runs), *_sentences(totals, plain, residual)),
        extra=(("per_seed", _per_seed(runs, plain, residual)),),
    )


def write_verdict(out: Path, result: Result[VerdictTotals, VerdictRow]) -> None:
    """Write verdict.json: the outcome, the gaps, and the values of every seed, on the top level."""
    content = result.to_dict()
    files.write_json(
        out / VERDICT, {"schema": content["schema"], **asdict(result.totals), **content}
    )


def _gap(runs: Sequence[Run], kind: str, shallow: int, deep: int) -> _Gap:
    errors: dict[int, dict[int, float]] = {shallow: {}, deep: {}}
    for run in runs:
        ended = run.outcome.status == "done" and run.outcome.train_error is not None
        if run.plan.kind == kind and run.plan.depth in errors and ended:
            assert run.outcome.train_error is not None
            errors[run.plan.depth][run.plan.seed] = run.outcome.train_error
    low, high = errors[shallow], errors[deep]
    paired = {seed: high[seed] - low[seed] for seed in sorted(low) if seed in high}
    overlap = bool(low) and bool(high) and min(high.values()) <= max(low.values())
    return _Gap(paired, overlap)


def _totals(plain: _Gap, residual: _Gap, depths: Sequence[int]) -> VerdictTotals:
    reproduced = bool(plain.values) and not plain.overlap and (plain.mean or 0) >= DEGRADES
    plain_low, plain_high = plain.interval
    residual_low, residual_high = residual.interval
    reproduced = reproduced and (plain_low is None or plain_low > 0)
    healed = residual.mean is not None and residual.mean <= REMOVED
    return VerdictTotals(
        outcome=(BOTH if healed else REPRODUCED) if reproduced else NOT_SHOWN,
        shallow=depths[0],
        deep=depths[-1],
        seeds=len(plain.values),
        plain_gap=plain.mean,
        plain_std=plain.std,
        plain_low=plain_low,
        plain_high=plain_high,
        residual_gap=residual.mean,
        residual_std=residual.std,
        residual_low=residual_low,
        residual_high=residual_high,
        overlap=plain.overlap if plain.values else None,
        deeper_wins=residual.mean < 0 if residual.mean is not None else None,
    )


def _header(runs: Sequence[Run]) -> Header:
    plan = runs[0].plan
    kinds = " and ".join(sorted({run.plan.kind for run in runs}))
    depths = ", ".join(str(depth) for depth in sorted({run.plan.depth for run in runs}))
    return Header(
        model=f"{kinds}, depth {depths}",
        input=plan.data_name,
        mode="train",
        build=plan.recipe.sentence(),
        conventions=(CONVENTION,),
    )


def _row(run: Run) -> VerdictRow:
    plan, end = run.plan, run.outcome
    return VerdictRow(
        path=f"{plan.kind}-{plan.depth} seed {plan.seed}",
        kind=plan.kind,
        depth=plan.depth,
        seed=plan.seed,
        status=end.status,
        step=end.step,
        train_error=end.train_error,
        running_error=end.running_error,
        test_error=end.test_error,
        seconds=end.seconds,
    )


def _missing(run: Run) -> Missing:
    plan, end = run.plan, run.outcome
    why = end.why or ("not started" if end.status == "planned" else f"at step {end.step}")
    return Missing(f"{plan.kind}-{plan.depth} seed {plan.seed}", why=f"{end.status}, {why}")


def _means(runs: Sequence[Run]) -> list[str]:
    """One line a net: mean ± standard deviation over its seeds."""
    lines = []
    for kind, depth in sorted({(run.plan.kind, run.plan.depth) for run in runs}):
        ended = [
            run.outcome
            for run in runs
            if (run.plan.kind, run.plan.depth, run.outcome.status) == (kind, depth, "done")
        ]
        train = [end.train_error for end in ended if end.train_error is not None]
        test = [end.test_error for end in ended if end.test_error is not None]
        if train:
            lines.append(f"{kind}-{depth}: train error {_spread(train)} %, test error "
                         f"{_spread(test)} %, n = {len(train)}")  # fmt: skip
    return lines


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.2f}"


def _sentences(totals: VerdictTotals, plain: _Gap, residual: _Gap) -> list[str]:
    lines = []
    for name, gap in (("plain", plain), ("residual", residual)):
        if gap.mean is None:
            lines.append(f"{name} gap: unknown, no seed has both depths")
            continue
        each = ", ".join(f"{value:+.2f}" for value in gap.values.values())
        low, high = gap.interval
        interval = "" if low is None else f", 95 % interval {low:+.2f} to {high:+.2f}"
        one = ", one seed: its spread is not known" if len(gap.values) == 1 else ""
        lines.append(
            f"{name} gap {totals.deep} − {totals.shallow}: {gap.mean:+.2f} points "
            f"(by seed {each}{interval}{one})"
        )
    lines.append(f"verdict: {totals.outcome}. {_explained(totals)}")
    return lines


def _explained(totals: VerdictTotals) -> str:
    deep, shallow = totals.deep, totals.shallow
    if totals.outcome == NOT_SHOWN:
        if totals.plain_gap is None:
            return "Both depths of the plain net are needed, trained to the end."
        return (
            f"Plain-{deep} is not clearly worse than plain-{shallow} on its training images "
            f"(at least {DEGRADES:g} point, no overlap of seeds and an interval above 0 are asked)."
        )
    plain = f"Plain-{deep} fits its own training images worse than plain-{shallow}"
    if totals.outcome == REPRODUCED:
        healed = "was not measured" if totals.residual_gap is None else "still has a gap"
        one = " One seed is a hint, no proof." if totals.seeds == 1 else ""
        return f"{plain}; the residual net {healed}.{one}"
    wins = (
        "the deeper residual net is the better one"
        if totals.residual_gap is not None and totals.residual_gap < -REMOVED
        else "the residual nets are level: this does not say that deeper wins"
    )
    one = " One seed is a hint, no proof." if totals.seeds == 1 else ""
    return f"{plain}; with shortcuts it does not, and {wins}.{one}"


def _per_seed(runs: Sequence[Run], plain: _Gap, residual: _Gap) -> list[dict[str, Any]]:
    seeds = sorted({run.plan.seed for run in runs})
    table = []
    for seed in seeds:
        line: dict[str, Any] = {"seed": seed}
        for run in runs:
            if run.plan.seed == seed:
                line[f"{run.plan.kind}-{run.plan.depth}"] = run.outcome.train_error
        line["plain_gap"] = plain.values.get(seed)
        line["residual_gap"] = residual.values.get(seed)
        table.append(line)
    return table
