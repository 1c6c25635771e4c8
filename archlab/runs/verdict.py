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
from typing import Annotated, Any

from archlab import files
from archlab.errors import RunError, keyword
from archlab.result import Header, Missing, Result, Unit, columns
from archlab.runs.ledger import Run, read_sweep
from archlab.runs.record import Outcome

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

    path: Annotated[str, "run"]
    kind: str
    depth: int
    seed: int
    status: Annotated[str, "status"]
    step: Annotated[int, "steps", Unit.COUNT]
    train_error: Annotated[float | None, "train error %", Unit.NUMBER]
    running_error: Annotated[float | None, "running %", Unit.NUMBER]
    test_error: Annotated[float | None, "test error %", Unit.NUMBER]
    seconds: Annotated[float, "seconds", Unit.NUMBER]


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
        """The mean's 95 % interval, mean ± t·s/√n; nothing for fewer than two seeds."""
        if self.mean is None or self.std is None:
            return None, None
        seeds = len(self.values)
        factor = _T95[seeds - 2] if seeds - 2 < len(_T95) else 1.96
        half = factor * self.std / math.sqrt(seeds)
        return self.mean - half, self.mean + half


def verdict(out: Path) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on a folder's sweep; RunError where it has none, or one of one depth."""
    return judged(read_sweep(out))


def judged(runs: Sequence[Run]) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on runs that were read."""
    depths = sorted({run.plan.depth for run in runs})
    if len(depths) < 2:
        raise RunError(f"A verdict needs two depths or more, as {keyword('depths')} 20,56.")
    plain, residual = (_gap(runs, kind, depths[0], depths[-1]) for kind in ("plain", "residual"))
    totals, plan = _totals(plain, residual, depths), runs[0].plan
    kinds = " and ".join(sorted({run.plan.kind for run in runs}))
    model = f"{kinds}, depth {', '.join(map(str, depths))}"
    build = plan.recipe.sentence()
    return Result(
        name="verdict",
        header=Header(model, plan.data_name, "train", build, conventions=(CONVENTION,)),
        totals=totals,
        rows=tuple(map(_row, runs)),
        columns=columns(VerdictRow),
        missing=tuple(_missing(run) for run in runs if run.outcome.status != "done"),
        footer=(*_means(runs), *_sentences(totals, plain, residual)),
        extra=(("per_seed", _per_seed(runs, plain, residual)),),
    )


def write_verdict(out: Path, result: Result[VerdictTotals, VerdictRow]) -> None:
    """Write verdict.json: the outcome, the gaps, and the values of every seed, on the top level."""
    content = result.to_dict()
    first = {"schema": content["schema"], **asdict(result.totals)}
    files.write_json(out / VERDICT, {**first, **content})


def _gap(runs: Sequence[Run], kind: str, shallow: int, deep: int) -> _Gap:
    errors: dict[int, dict[int, float]] = {shallow: {}, deep: {}}
    for run in runs:
        plan, end = run.plan, run.outcome
        done = end.status == "done" and plan.kind == kind and plan.depth in errors
        if done and end.train_error is not None:
            errors[plan.depth][plan.seed] = end.train_error
    low, high = errors[shallow], errors[deep]
    # Paired by seed: both nets saw the same images in the same order.
    paired = {seed: high[seed] - low[seed] for seed in sorted(low) if seed in high}
    overlap = bool(low) and bool(high) and min(high.values()) <= max(low.values())
    return _Gap(paired, overlap)


def _totals(plain: _Gap, residual: _Gap, depths: Sequence[int]) -> VerdictTotals:
    gaps: dict[str, Any] = {}
    for kind, gap in (("plain", plain), ("residual", residual)):
        low, high = gap.interval
        gaps |= {f"{kind}_gap": gap.mean, f"{kind}_std": gap.std}
        gaps |= {f"{kind}_low": low, f"{kind}_high": high}
    low = gaps["plain_low"]
    # One seed has no interval; then the size of the gap decides alone, and the footer says so.
    certain = not plain.overlap and (low is None or low > 0)
    reproduced = plain.mean is not None and plain.mean >= DEGRADES and certain
    healed = residual.mean is not None and residual.mean <= REMOVED
    return VerdictTotals(
        outcome=(BOTH if healed else REPRODUCED) if reproduced else NOT_SHOWN,
        shallow=depths[0],
        deep=depths[-1],
        seeds=len(plain.values),
        overlap=plain.overlap if plain.values else None,
        deeper_wins=residual.mean < 0 if residual.mean is not None else None,
        **gaps,
    )


def _name(run: Run) -> str:
    return f"{run.plan.kind}-{run.plan.depth} seed {run.plan.seed}"


def _row(run: Run) -> VerdictRow:
    plan, end = run.plan, run.outcome
    errors = (end.train_error, end.running_error, end.test_error)
    net = (plan.kind, plan.depth, plan.seed)
    return VerdictRow(_name(run), *net, end.status, end.step, *errors, end.seconds)


def _missing(run: Run) -> Missing:
    end = run.outcome
    why = end.why or ("not started" if end.status == "planned" else f"at step {end.step}")
    return Missing(_name(run), why=f"{end.status}, {why}")


def _means(runs: Sequence[Run]) -> list[str]:
    """One line a net: mean ± standard deviation over its seeds."""
    done: dict[tuple[str, int], list[Outcome]] = {}
    for run in runs:
        if run.outcome.status == "done":
            done.setdefault((run.plan.kind, run.plan.depth), []).append(run.outcome)
    lines = []
    for (kind, depth), ends in sorted(done.items()):
        train = [end.train_error for end in ends if end.train_error is not None]
        test = [end.test_error for end in ends if end.test_error is not None]
        if train:
            errors = f"train error {_spread(train)} %, test error {_spread(test)} %"
            lines.append(f"{kind}-{depth}: {errors}, n = {len(train)}")
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
    one = " One seed is a hint, no proof." if totals.seeds == 1 else ""
    if totals.outcome == REPRODUCED:
        healed = "was not measured" if totals.residual_gap is None else "still has a gap"
        return f"{plain}; the residual net {healed}.{one}"
    wins = "the residual nets are level: this does not say that deeper wins"
    if totals.residual_gap is not None and totals.residual_gap < -REMOVED:
        wins = "the deeper residual net is the better one"
    return f"{plain}; with shortcuts it does not, and {wins}.{one}"


def _per_seed(runs: Sequence[Run], plain: _Gap, residual: _Gap) -> list[dict[str, Any]]:
    seeds = sorted({run.plan.seed for run in runs})
    table: dict[int, dict[str, Any]] = {seed: {"seed": seed} for seed in seeds}
    for run in runs:
        table[run.plan.seed][f"{run.plan.kind}-{run.plan.depth}"] = run.outcome.train_error
    for seed, line in table.items():
        line |= {"plain_gap": plain.values.get(seed), "residual_gap": residual.values.get(seed)}
    return list(table.values())
