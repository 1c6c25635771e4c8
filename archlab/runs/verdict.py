"""The verdict on a sweep, from its files alone: does depth hurt, and does the shortcut heal?

It rests on *training* error in eval mode, on all training images, at the last step of every seed;
never on the best epoch, never on test error. What a gap is and when it is clear is in
`archlab.runs.gap`. No torch.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from archlab import files
from archlab.errors import RunError, keyword
from archlab.result import Header, Missing, Result, Unit, columns
from archlab.runs.gap import LEVEL, End, Gap, Removal, end_of, gap_of, is_number, removal
from archlab.runs.ledger import Run, read_sweep
from archlab.runs.published import Beside, beside, images_name, lines as published_lines
from archlab.runs.record import Outcome

VERDICT = "verdict.json"
BOTH = "degradation reproduced and removed by shortcuts"
REPRODUCED = "degradation reproduced"
HINT = "hint: one seed"
UNTRAINED = "not trained enough to tell"
NOT_SHOWN = "not shown"
OUTCOMES = (BOTH, REPRODUCED, HINT, UNTRAINED, NOT_SHOWN)
DEGRADES = 1.0  # points of training error: less than this is no degradation
# The lower bound of the share that shortcuts remove. Half a point of a gap of three is left then.
REMOVED = 0.8
# The share of chance that the shallow plain net's training error may be at most. At half of it a
# net knows half of what can be learnt; the measured shallow nets are at 3 and 18 of 90 %.
LEARNT = 0.5
CLASSES = 10  # of a 6n + 2 net whose plan does not say


@dataclass(frozen=True, slots=True)
class VerdictTotals:
    """The outcome, and deep minus shallow training error in points.

    `plain_low` and `plain_high` bound the mean gap (96 %, see `archlab.runs.gap`), `plain_std` is
    over the gaps by seed; null for fewer than two seeds. `removal` is the share of the plain gap
    that shortcuts remove, 1 for all. `overlap` says whether some deep plain run was as good as some
    shallow one. `deeper_wins` is whether the whole interval of the residual gap is below 0; null
    where there is none. `chance` is the error of guessing, in percent.
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
    removal: float | None
    removal_low: float | None
    removal_high: float | None
    overlap: bool | None
    deeper_wins: bool | None
    chance: float


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


_UNMOVED = "no measurement in metrics.csv before the last tenth of the steps"
CONVENTION = (
    "train error: eval mode, all training images without augmentation, last step · running: mean "
    "over the augmented batches since the measurement before · gap: deep − shallow, in points"
)


def verdict(out: Path) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on a folder's sweep; RunError where it has none, or one of one depth."""
    return judged(read_sweep(out))


def judged(runs: Sequence[Run]) -> Result[VerdictTotals, VerdictRow]:
    """Return the verdict on runs that were read."""
    depths = sorted({run.plan.depth for run in runs})
    if len(depths) < 2:
        raise RunError(f"A verdict needs two depths or more, as {keyword('depths')} 20,56.")
    plain, residual = (_gap(runs, kind, depths[0], depths[-1]) for kind in ("plain", "residual"))
    totals, plan = _totals(plain, residual, depths, chance(runs)), runs[0].plan
    kinds = " and ".join(sorted({run.plan.kind for run in runs}))
    model = f"{kinds}, depth {', '.join(map(str, depths))}"
    build = plan.recipe.sentence()
    return Result(
        name="verdict",
        header=Header(model, plan.data_name, "train", build, conventions=(CONVENTION,)),
        totals=totals,
        rows=tuple(map(_row, runs)),
        columns=columns(VerdictRow),
        missing=tuple(Missing(_name(run), why=why) for run in runs if (why := _missing(run))),
        footer=(
            *_means(runs),
            *_gaps(totals, plain, residual),
            *published_lines(beside(runs), runs),
            f"verdict: {totals.outcome}. {_explained(totals, plain, residual)}",
        ),
        extra=(
            ("per_seed", _per_seed(runs, plain, residual)),
            ("published", _published(runs)),
        ),
    )


def write_verdict(out: Path, result: Result[VerdictTotals, VerdictRow]) -> None:
    """Write verdict.json: the outcome, the gaps, and the values of every seed, on the top level."""
    content = result.to_dict()
    first = {"schema": content["schema"], **asdict(result.totals)}
    files.write_json(out / VERDICT, {**first, **content})


def chance(runs: Sequence[Run]) -> float:
    """Return the error of guessing among the classes of a sweep, in percent."""
    plan = runs[0].plan
    classes = plan.options.get("num_classes") or plan.recipe.categories
    if not isinstance(classes, int) or classes < 2:  # anybody may have written a record
        classes = CLASSES
    return 100 * (1 - 1 / classes)


def _gap(runs: Sequence[Run], kind: str, shallow: int, deep: int) -> Gap:
    ends: dict[int, dict[int, End]] = {shallow: {}, deep: {}}
    for run in runs:
        plan, end = run.plan, run.outcome
        done = end.status == "done" and plan.kind == kind and plan.depth in ends
        if done and is_number(end.train_error):
            ends[plan.depth][plan.seed] = end_of(end.train_error, run.rows)
    return gap_of(ends[shallow], ends[deep])


def _totals(plain: Gap, residual: Gap, depths: Sequence[int], guessing: float) -> VerdictTotals:
    gaps: dict[str, Any] = {}
    for kind, gap in (("plain", plain), ("residual", residual)):
        low, high = gap.interval
        gaps |= {f"{kind}_gap": gap.mean, f"{kind}_std": gap.std}
        gaps |= {f"{kind}_low": low, f"{kind}_high": high}
    removed = removal(plain, residual)
    return VerdictTotals(
        outcome=_outcome(plain, removed, guessing),
        shallow=depths[0],
        deep=depths[-1],
        seeds=len(plain.values),
        removal=removed.share,
        removal_low=removed.low,
        removal_high=removed.high,
        overlap=plain.overlap,
        deeper_wins=None if gaps["residual_high"] is None else gaps["residual_high"] < 0,
        chance=guessing,
        **gaps,
    )


def _outcome(plain: Gap, removed: Removal, guessing: float) -> str:
    if plain.mean is None or plain.shallow_error is None:
        return NOT_SHOWN
    if plain.shallow_error > LEARNT * guessing:
        return UNTRAINED
    if plain.mean < DEGRADES or not plain.is_clear:
        return NOT_SHOWN
    if len(plain.values) == 1:
        return HINT
    return BOTH if removed.low is not None and removed.low >= REMOVED else REPRODUCED


def _name(run: Run) -> str:
    return f"{run.plan.kind}-{run.plan.depth} seed {run.plan.seed}"


def _row(run: Run) -> VerdictRow:
    plan, end = run.plan, run.outcome
    errors = (end.train_error, end.running_error, end.test_error)
    net = (plan.kind, plan.depth, plan.seed)
    return VerdictRow(_name(run), *net, end.status, end.step, *errors, end.seconds)


def _missing(run: Run) -> str:
    """Return what a run lacks that the verdict rests on; empty where it has all."""
    end = run.outcome
    if end.status != "done":
        why = end.why or ("not started" if end.status == "planned" else f"at step {end.step}")
        return f"{end.status}, {why}"
    if not is_number(end.train_error):
        return "done, without a training error"
    return "" if end_of(end.train_error, run.rows).moved is not None else f"done, {_UNMOVED}"


def _means(runs: Sequence[Run]) -> list[str]:
    """One line a net: mean ± standard deviation over its seeds."""
    done: dict[tuple[str, int], list[Outcome]] = {}
    for run in runs:
        if run.outcome.status == "done":
            done.setdefault((run.plan.kind, run.plan.depth), []).append(run.outcome)
    lines = []
    for (kind, depth), ends in sorted(done.items()):
        train = [end.train_error for end in ends if is_number(end.train_error)]
        test = [end.test_error for end in ends if is_number(end.test_error)]
        if train:
            tested = f", test error {_spread(test)} %" if test else ""
            errors = f"train error {_spread(train)} %{tested}"
            lines.append(f"{kind}-{depth}: {errors}, n = {len(train)}")
    return lines


def _spread(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.2f}"


def _gaps(totals: VerdictTotals, plain: Gap, residual: Gap) -> list[str]:
    found = []
    for name, gap in (("plain", plain), ("residual", residual)):
        if gap.mean is None:
            found.append(f"{name} gap: unknown, no seed has both depths")
            continue
        low, high = gap.interval
        interval = f"{LEVEL} % interval {low:+.2f} to {high:+.2f}" if low is not None else (
            "one seed: its spread is not known" if len(gap.values) == 1
            else "without an interval: some runs were not measured before their end"
        )  # fmt: skip
        each = ", ".join(f"{value:+.2f}" for value in gap.values.values())
        found += [
            f"{name} gap {totals.deep} − {totals.shallow}: {gap.mean:+.2f} points, {interval}",
            f"  by seed: {each}",
        ]
    removed = removal(plain, residual)
    if removed.share is not None:
        bounds = ""
        if removed.low is not None and removed.high is not None:
            bounds = f", bounds {100 * removed.low:.1f} to {100 * removed.high:.1f} %"
        found.append(f"removed by shortcuts: {100 * removed.share:.1f} % of the plain gap{bounds}")
    return found


def _explained(totals: VerdictTotals, plain: Gap, residual: Gap) -> str:
    deep, shallow = totals.deep, totals.shallow
    if plain.mean is None:
        return "Both depths of the plain net are needed, trained to the end."
    if totals.outcome == UNTRAINED:
        return (
            f"Plain-{shallow} still errs on {plain.shallow_error:.1f} % of its training images, "
            f"and guessing errs on {totals.chance:g} %: half of that is asked at most. "
            "Train longer."
        )
    one = totals.seeds == 1
    if totals.outcome == NOT_SHOWN and not plain.moves_are_known:
        return (
            f"How far its runs still moved is not known: {_UNMOVED}. Train with a smaller "
            "eval_every."
        )
    if totals.outcome == NOT_SHOWN:
        asked = (
            f"a gap of {DEGRADES:g} point and 3.5 times the odds of an error are asked of one "
            "seed, and more where its runs still move"
            if one else f"a gap of {DEGRADES:g} point and an interval above 0 are asked"
        )  # fmt: skip
        return (
            f"Plain-{deep} is not clearly worse than plain-{shallow} on its training images "
            f"({asked})."
        )
    worse = f"Plain-{deep} fits its own training images worse than plain-{shallow}"
    more = " Two seeds or more can show it." if one else ""
    return f"{worse}; {_healed(totals, residual)}.{more}"


def _healed(totals: VerdictTotals, residual: Gap) -> str:
    """Return what becomes of the gap with shortcuts."""
    if residual.mean is None:
        return "the residual net was not measured"
    low, high = residual.interval
    if not residual.moves_are_known:
        return "whether shortcuts remove it is not known"
    if low is None or high is None:
        share = f"{100 * (totals.removal or 0):.0f} %"
        return f"with shortcuts {share} of the gap is gone, in the one seed that has both depths"
    if totals.outcome == REPRODUCED:
        if low > 0:
            return f"the residual net has a gap too, of {residual.mean:.2f} points"
        return "whether shortcuts remove it is not certain: four fifths or more are asked"
    wins = "the residual nets are level: this does not say that deeper wins"
    if high < 0:
        wins = "the deeper residual net is the better one"
    elif low > 0:
        wins = "the deeper residual net is a little worse"
    return f"with shortcuts it does not, and {wins}"


def _published(runs: Sequence[Run]) -> dict[str, Any] | None:
    rows: tuple[Beside, ...] = beside(runs)
    if not rows:
        return None
    return {"recipe": "paper", "images": images_name(runs[0]), "rows": list(map(asdict, rows))}


def _per_seed(runs: Sequence[Run], plain: Gap, residual: Gap) -> list[dict[str, Any]]:
    seeds = sorted({run.plan.seed for run in runs})
    table: dict[int, dict[str, Any]] = {seed: {"seed": seed} for seed in seeds}
    for run in runs:
        table[run.plan.seed][f"{run.plan.kind}-{run.plan.depth}"] = run.outcome.train_error
    for seed, line in table.items():
        line |= {"plain_gap": plain.values.get(seed), "residual_gap": residual.values.get(seed)}
    return list(table.values())
