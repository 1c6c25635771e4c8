"""`archlab scan MODEL …`: many models in one table."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.engines import Address, Engine
from archlab.cli.options import Batch, Format, Input, Set
from archlab.cli.output import check_plot, check_target, show
from archlab.cli.progress import progress_bar
from archlab.cli.sweep import saved_on_interrupt
from archlab.errors import OptionError

if TYPE_CHECKING:
    from archlab.result import Result

_SCREEN = 40  # rows for people


def scan(
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
    where: Annotated[
        str, typer.Option("--where", metavar="CONDITION", help="'macs < 1e9 and rf > 200'")
    ] = "",
    sort: Annotated[
        str | None,
        typer.Option("--sort", help="By this column, the largest first; -COLUMN: the smallest."),
    ] = None,
    top: Annotated[int | None, typer.Option("--top", min=1, help="Only so many rows.")] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check",
            metavar="TABLE.csv",
            help="A published table; its names without a source are timm's.",
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Picture: .svg, .png or .pdf.")
    ] = None,
    engine: Engine = "local",
    address: Address = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Models at a time. Default: a core.")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=1, help="Seconds a model.")] = 120,
    memory: Annotated[str, typer.Option("--memory", help="Limit of a process.")] = "2GiB",
    retry: Annotated[bool, typer.Option("--retry", help="Measure failed rows again.")] = False,
    convention: Annotated[str, typer.Option("--convention", help="archlab or fvcore.")] = "archlab",
    optimizer: Annotated[str, typer.Option("--optimizer", help="sgd, momentum, adam.")] = "adam",
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    style: Format = None,
) -> None:
    """Many models in one table: what each costs and sees.

    Resumable: run again it fills holes. One failure never stops the others.

    Exit code 1: no model could be measured, or --check found too little agreement.

    Example: archlab scan 'torchvision:resnet*' --where "macs < 5e9" --sort params
    """
    check_target(style, None)
    check_plot(plot)
    _check_choice(sort, alone=not (where or sort or plot), check=check)
    from archlab.analyze.budget import limits
    from archlab.api.scale import scan as scanning
    from archlab.spec import parse_options
    from archlab.survey.gather import Way
    from archlab.survey.result import ordered

    how: dict[str, Any] = {
        "input": input, "batch": batch, "convention": convention, "optimizer": optimizer,
        **parse_options(set_ or []),
    }  # fmt: skip
    with saved_on_interrupt(out, "measured"), progress_bar() as report:
        way = Way(
            engine=engine, address=address, jobs=jobs, timeout=timeout, retry=retry, report=report,
            memory=limits({"--memory": memory})["--memory"],
        )  # fmt: skip
        if check is not None:
            held = scanning.agreement(check, models or [], out=out, way=way, **how)
        else:
            found = scanning.scan(models or [], out=out, where=where, way=way, **how)
    if out is not None and (models or check):
        print(f"wrote {out}", file=sys.stderr)
    if check is not None:
        show(_first(held, top, style), style=style or "table")
        raise typer.Exit(0 if held.totals.passed else 1)
    found = ordered(found, sort) if sort else found
    if plot is not None:
        from archlab.files import write

        write(plot, scanning.plot_scan(found, plot.suffix[1:]))
    show(_first(found, top, style), style=style or "table")
    if found.rows and found.totals.failed == len(found.rows):
        raise typer.Exit(1)


def _check_choice(sort: str | None, *, alone: bool, check: Path | None) -> None:
    """Raise before the work where rows cannot be chosen or ordered so.

    Raises:
        OptionError: an unknown column, or an option that --check does not take.
    """
    from archlab.survey.result import check_column

    if check is not None and not alone:
        raise OptionError("--where, --sort and --plot are not for --check: scan first, then ask.")
    if sort is not None:
        check_column(sort)


def _first(result: Result[Any, Any], top: int | None, style: str | None) -> Result[Any, Any]:
    """Keep the first rows, for people as many as a screen holds."""
    people = style in (None, "table", "tree", "md")
    most = top or (_SCREEN if people else len(result.rows))
    if len(result.rows) <= most:
        return result
    hint = f"{most} of {len(result.rows):,} rows: --top N shows more"
    return replace(result, rows=result.rows[:most], footer=(*result.footer, hint))
