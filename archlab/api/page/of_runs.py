"""A sweep, or one run, as a page: curves, verdict, runs, gradients over time. No torch."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from archlab.api.training.curves import curves, gradient_heat
from archlab.errors import RunError
from archlab.result import Column, Table, Unit, columns, record
from archlab.runs.gap import LEVEL
from archlab.runs.ledger import SWEEP, Run, read_run, read_sweep
from archlab.runs.published import Beside, beside, lines, notes
from archlab.runs.record import GRADIENTS, METRICS, PLAN
from archlab.runs.verdict import CONVENTION, VerdictRow, VerdictTotals, judged
from archlab.view.page import Page, Part, Section, Tile

_MOST_HEATS = 6  # pictures of gradients over time; a sweep may have dozens of runs


def is_runs(subject: object) -> bool:
    """Whether a subject is a folder, and not the name of a model.

    Example:
        >>> is_runs("resnet18")
        False
    """
    if not isinstance(subject, str | Path) or not str(subject) or not Path(subject).is_dir():
        return False
    folder = Path(subject)
    # A bare name is a model's, unless the folder of that name holds a sweep or a run.
    holds = any((folder / name).is_file() for name in (SWEEP, PLAN))
    return holds or isinstance(subject, Path) or not str(subject).isidentifier()


def runs_page(folder: Path, made: Sequence[tuple[str, str]]) -> Page:
    """Return the page about a sweep of `degradation`, or about one run.

    `made` says how the page was made. A folder that holds neither is a RunError.
    """
    if (folder / SWEEP).is_file():
        return _sweep_page(folder, read_sweep(folder), made)
    if (folder / PLAN).is_file():
        return _run_page(folder, read_run(folder), made)
    raise RunError(
        f"{folder} holds no sweep and no run: it has neither {SWEEP} nor {PLAN}. Give a folder "
        "that `archlab degradation` or `archlab train` wrote (runs/degradation-demo), or a model."
    )


def _sweep_page(folder: Path, runs: Sequence[Run], made: Sequence[tuple[str, str]]) -> Page:
    answer = judged(runs)
    totals = answer.totals
    head = answer.header
    missing = tuple(map(str, answer.missing))
    # The last line of the footer is the verdict itself: on a page it stands first. The published
    # values are a table of their own there.
    rows = beside(runs)
    told = set(lines(rows, runs))
    words = tuple(line.strip() for line in answer.footer[:-1] if line not in told)
    sections = [
        *_curves(folder, runs),
        Section("Verdict", words=(answer.footer[-1], *words)),
        *_published(rows, runs),
        Section("Runs", words=(f"{CONVENTION[:1].upper()}{CONVENTION[1:]}.",),
                table=Table("Runs", (), columns(VerdictRow), tuple(map(record, answer.rows)))),
        *([Section("Not finished", words=missing)] if missing else []),
        *_heats(runs),
        Section("How it was trained", words=(f"{head.build}.", *_versions(runs))),
    ]  # fmt: skip
    part = Part(
        title=totals.outcome,
        subtitle=f"{head.model} · {head.input} · seeds with both depths: {totals.seeds}",
        tiles=tuple(_tiles(totals)),
        sections=tuple(sections),
    )
    lead = (
        f"Plain and residual nets of {totals.shallow} and {totals.deep} layers, trained alike; "
        "judged by the error on their own training images."
    )
    return Page(f"Does depth help? {head.input}", lead, (part,), made=tuple(made))


def _published(rows: Sequence[Beside], runs: Sequence[Run]) -> Iterator[Section]:
    if rows:
        table = Table("Published", (), columns(Beside), tuple(map(record, rows)))
        yield Section("Test error beside published values", words=tuple(notes(runs)), table=table)


def _tiles(totals: VerdictTotals) -> Iterator[Tile]:
    for name in ("plain", "residual"):
        gap = getattr(totals, f"{name}_gap")
        low, high = getattr(totals, f"{name}_low"), getattr(totals, f"{name}_high")
        value = "not known" if gap is None else f"{_signed(gap)} points"
        # One seed has no spread, so no interval; then nothing stands beside the gap.
        interval = "one seed or none" if low is None else "mean over the seeds"
        yield Tile(f"{name} {totals.deep} − {totals.shallow}", value, interval)
        if low is not None:
            bounds = f"{_signed(low)} to {_signed(high)}"
            yield Tile(f"{name}, {LEVEL} %", bounds, "by seeds, last moves and images")
    if totals.removal is not None:
        low, high = totals.removal_low, totals.removal_high
        bounds = "one seed" if low is None or high is None else f"{low:.0%} to {high:.0%}"
        yield Tile("removed by shortcuts", f"{totals.removal:.0%}", bounds)
    yield Tile("seeds", str(totals.seeds))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _curves(folder: Path, runs: Sequence[Run]) -> Iterator[Section]:
    if not any(run.rows for run in runs):
        yield Section("Curves", words=("No run has measured anything yet.",))
        return
    seeds = len({run.plan.seed for run in runs})
    band = f"Lines are means over {seeds} seeds, bands go from the lowest to the highest."
    yield Section(
        "Curves",
        words=(band if seeds > 1 else "One seed: there is no band.",),
        figure=curves(folder).svg,
        alt="Training and test error by step, plain nets on the left, residual nets on the right",
    )


def _heats(runs: Sequence[Run]) -> Iterator[Section]:
    measured = [run for run in runs if (run.folder / GRADIENTS).is_file()]
    for run in measured[:_MOST_HEATS]:
        plan = run.plan
        yield Section(
            f"Gradients over time: {plan.model}, seed {plan.seed}",
            figure=gradient_heat(run.folder).svg,
            alt=f"Gradient norm of {plan.model} by block and step",
        )
    if len(measured) > _MOST_HEATS:
        names = ", ".join(run.plan.name for run in measured[_MOST_HEATS:])
        yield Section("Gradients over time, not drawn", words=(f"Also measured: {names}.",))
    if not measured:
        yield Section(
            "Gradients over time",
            words=("Not recorded: --gradients N of archlab degradation and train does so.",),
        )


def _versions(runs: Sequence[Run]) -> list[str]:
    # A sweep may have gone on elsewhere: each machine and each set of versions is named once.
    ended = [run.outcome for run in runs if run.outcome.status == "done"]
    words = [f"{text}." for text in dict.fromkeys(end.hardware for end in ended) if text]
    words += [f"{text}." for text in dict.fromkeys(end.versions for end in ended) if text]
    if ended:
        seconds = [end.seconds for end in ended]
        each = f"{statistics.fmean(seconds):,.0f} seconds"
        many = f"{len(ended)} runs, {each} each in the mean, {sum(seconds):,.0f} in all."
        words.append(many if len(ended) > 1 else f"{each} in all.")
    return words


def _run_page(folder: Path, run: Run, made: Sequence[tuple[str, str]]) -> Page:
    plan, end = run.plan, run.outcome
    errors = {"train error": end.train_error, "test error": end.test_error}
    tiles = [Tile("status", end.status), Tile("steps", f"{end.step:,} of {end.total:,}")]
    tiles += [
        Tile(name, "-" if value is None else f"{value:.2f} %") for name, value in errors.items()
    ]
    if run.rows:
        measured = [
            Section("Curves", figure=curves(folder).svg, alt="Loss and accuracy by step"),
            Section("Measurements", table=_measurements(run), folded=True),
        ]
    else:
        # A run that is done has measured something: then its file was lost.
        lost = f"This run ended, but {METRICS} in its folder is missing or empty."
        words = lost if end.status == "done" else "Nothing was measured yet."
        measured = [Section("Curves", words=(words,))]
    sections = [
        *measured,
        *_heats([run]),
        Section("How it was trained", words=(f"{plan.recipe.sentence()}.", *_versions([run]))),
    ]
    part = Part(plan.name, f"{plan.model} · {plan.data_name} · seed {plan.seed}", tiles, sections)
    return Page(f"{plan.model} on {plan.data_name}", "One training run.", (part,), made=tuple(made))


def _measurements(run: Run) -> Table:
    columns = (
        Column("step", "step", Unit.COUNT),
        Column("loss", "train loss", Unit.NUMBER),
        Column("train_error", "train error %", Unit.NUMBER),
        Column("running_error", "running %", Unit.NUMBER),
        Column("test_loss", "test loss", Unit.NUMBER),
        Column("test_error", "test error %", Unit.NUMBER),
    )
    return Table("Measurements", (), columns, tuple(record(row) for row in run.rows))
