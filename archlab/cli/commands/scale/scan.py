"""`archlab scan MODEL …`: many models in one table."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.command import YEAR, Typed
from archlab.cli.interrupt import saved_on_interrupt
from archlab.cli.options import Loading, constant, listed
from archlab.cli.output import Format, Plot
from archlab.cli.progress import progress_shown
from archlab.cli.running import Engine
from archlab.cli.streams import say

if TYPE_CHECKING:
    from archlab.result import Result
    from archlab.survey.gather import ScanSettings

_SCREEN = 40  # rows for people; files and programs get all of them
_CHOICE = ("where", "sort", "plot")
_MEASURING = (
    "input", "batch", "options", "convention", "optimizer", "engine", "address", "jobs", "timeout",
    "memory", "retry",
)  # fmt: skip


Check = Annotated[
    Path | None,
    typer.Option(
        "--check",
        metavar="TABLE.csv",
        help="A published table; its names without a source are timm's.",
    ),
]

Mark = Annotated[
    str | None,
    typer.Option(
        "--mark", metavar="NAME[,NAME…]", help="Models that --plot rings and names: resnet50,vgg16."
    ),
]


@dataclass(frozen=True)
class Limits:
    """What one model may take, and which are measured again."""

    timeout: Annotated[float, typer.Option(min=1, max=YEAR, help="Seconds a model.")] = 120
    memory: Annotated[str, typer.Option(metavar="SIZE", help="Memory of a worker process.")] = (
        "2GiB"
    )
    retry: Annotated[
        bool, typer.Option("--retry", help="Measure rows of --out again that failed.")
    ] = False


@dataclass(frozen=True)
class Counting:
    """What counts as an operation, and what training keeps."""

    convention: Annotated[
        str, typer.Option(help=f"{listed(constant('archlab.analyze.flops:TABLES'))}.")
    ] = "archlab"
    optimizer: Annotated[
        str, typer.Option(help=f"{listed(constant('archlab.analyze.memory:OPTIMIZERS'))}.")
    ] = "adam"


@dataclass(frozen=True)
class Choice:
    """Which rows are shown, in which order."""

    where: Annotated[str, typer.Option(metavar="CONDITION", help="'macs < 1e9 and rf > 200'")] = ""
    sort: Annotated[
        str | None, typer.Option(help="By this column, the largest first; -COLUMN: the smallest.")
    ] = None
    top: Annotated[int | None, typer.Option(min=1, help="Only so many rows.")] = None


def scan(
    loading: Loading,
    engine: Engine,
    limit: Limits,
    counting: Counting,
    choice: Choice,
    plot: Plot,
    format: Format,  # noqa: A002
    typed: Typed,
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL|PATTERN]…", help="resnet18 'timm:convnext*' 'torchvision:*'"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="zoo.parquet or zoo.csv; only what it lacks is measured."),
    ] = None,
    check: Check = None,
    mark: Mark = None,
) -> None:
    """Many models in one table: what each costs and sees.

    Resumable: run again it fills holes. One failure never stops the others.

    Exit code 1: no model could be measured, or --check found too little agreement.

    Example: archlab scan 'torchvision:resnet*' --where "macs < 5e9" --sort params
    """
    _check(typed, choice.sort)
    from archlab.api.scale import scan as scanning
    from archlab.spec import parse_options
    from archlab.survey.result import ordered

    keywords: dict[str, Any] = {
        "out": out, "input": loading.input or (), "batch": loading.batch, **asdict(counting),
        "options": parse_options(list(loading.options or ())),
    }  # fmt: skip
    marked = _marked(mark)
    if models and marked:
        scanning.marks(marked, scanning.specs(models))  # a mistake is told before the work
    with saved_on_interrupt(out, "measured"), progress_shown() as progress:
        keywords["settings"] = _settings(engine, limit, progress)
        if check is not None:
            agreement = scanning.agreement(check, *models or (), **keywords)
        else:
            answer = scanning.scan(*models or (), where=choice.where, **keywords)
    # Without models the file was read and not written.
    if out is not None and (models or check):
        say(f"wrote {out}")
    if check is not None:
        format.show(_first(agreement, choice.top, format.format), "table")
        raise typer.Exit(0 if agreement.totals.passed else 1)
    plot.save(lambda: scanning.plot_scan(answer, mark=marked))
    if choice.sort is not None:
        answer = ordered(answer, choice.sort)
    format.show(_first(answer, choice.top, format.format), "table")
    # Single failures are rows that say so; if there is nothing else, the command has failed.
    if answer.rows and answer.totals.failed == len(answer.rows):
        raise typer.Exit(1)


def _check(typed: Typed, sort: str | None) -> None:
    """Raise OptionError, before the work, for an option that would be dropped, or a column."""
    typed.exclusive("check", *_CHOICE, because="scan first, then ask")
    if not typed.any("models", "check"):
        typed.require("models", *_MEASURING, because="without models nothing is measured")
    typed.require("plot", "mark", because="models are marked in a picture")
    typed.require("out", "retry", because="the rows that failed are read from there")
    if sort is not None:
        from archlab.survey.result import check_column

        check_column(sort)


def _marked(text: str | None) -> list[str]:
    return [] if text is None else [name.strip() for name in text.split(",")]


def _settings(engine: Engine, limit: Limits, progress: Any) -> ScanSettings:
    from archlab.analyze.budget import limits
    from archlab.survey.gather import ScanSettings

    return ScanSettings(
        engine=engine.engine, address=engine.address, jobs=engine.jobs, timeout=limit.timeout,
        memory=limits({"--memory": limit.memory})["--memory"], retry=limit.retry, progress=progress,
    )  # fmt: skip


def _first(result: Result[Any, Any], top: int | None, format: str | None) -> Result[Any, Any]:  # noqa: A002
    """Keep the first rows, for people as many as a screen holds."""
    people = format in (None, "table", "tree", "md")
    most = top or (_SCREEN if people else len(result.rows))
    if len(result.rows) <= most:
        return result
    hint = f"{most} of {len(result.rows):,} rows: --top N shows more"
    return replace(result, rows=result.rows[:most], footer=(*result.footer, hint))
