"""The verbs of scale: many models in one table, held against a published one, and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from archlab.analyze.flops import TABLES
from archlab.analyze.memory import OPTIMIZERS
from archlab.errors import OptionError, SpecError, check_one_of, did_you_mean
from archlab.result import Result
from archlab.spec import parse_input
from archlab.survey import names, store
from archlab.survey.gather import Way, gather
from archlab.survey.published import (
    AgreementRow,
    AgreementTotals,
    Published,
    agreement as beside,
    read_published,
)
from archlab.survey.result import ScanTotals, scan_result
from archlab.survey.row import Request, ScanRow, kinds
from archlab.survey.where import condition
from archlab.view.figure.scatter import Point, ScatterPicture, scatter


def scan(
    models: str | Sequence[str] = (),
    *,
    out: str | Path | None = None,
    where: str = "",
    way: Way | None = None,
    **how: Any,
) -> Result[ScanTotals, ScanRow]:
    """Return one row a model; a model that fails, hangs or eats the memory is a row that says so.

    Args:
        models: specs and patterns: `timm:*`, `torchvision:res*`, `vgg*` (of the zoo).
        out: a .parquet or .csv file that keeps the rows: only those that it lacks are measured.
            Without `models` the file alone is read.
        where: a condition on the columns, as `macs < 1e9 and rf > 200`.
        way: engine, limits and progress.
        **how: `input`, `batch`, `convention`, `optimizer` and constructor arguments, for every
            model.

    Raises:
        SpecError: a pattern that matches nothing.
        OptionError: a condition that is none, or nothing to scan.
        OutputError: the file holds something else, or cannot be written.
        EngineError: worker processes or a cluster that cannot be had.

    Example:
        >>> [row.params for row in scan(["resnet20", "plain20"]).rows]
        [269722, 269722]
    """
    chosen = condition(where, kinds()) if where else None
    target = Path(out) if out is not None else None
    models = [models] if isinstance(models, str) else list(models)
    if models:
        rows = gather(_requests(_specs(models), how), target, way or Way())
    elif target is not None and target.is_file():
        store.check_format(target)
        rows = store.read(target)
    else:
        raise OptionError(
            "Nothing to scan: give models or patterns such as resnet18 'timm:*', or --out with a "
            "table that is there."
        )
    if chosen is None:
        return scan_result(rows)
    return scan_result([row for row in rows if chosen(asdict(row))], of=len(rows))


def agreement(
    table: str | Path,
    models: str | Sequence[str] = (),
    *,
    out: str | Path | None = None,
    way: Way | None = None,
    **how: Any,
) -> Result[AgreementTotals, AgreementRow]:
    """Return a published table beside our own numbers, each at the published image size.

    Args:
        table: CSV with timm's columns, see `archlab.survey.published.read_published`.
        models: only lines whose model matches one of these patterns; all by default.
        out: as in `scan`.
        way: as in `scan`.
        **how: as in `scan`; timm publishes under `convention="fvcore"`.

    Raises:
        DataError: the table cannot be read.
        SpecError: no line matches.

    Example:
        >>> table = "tests/truth/timm_published.csv"
        >>> agreement(table, "timm:mobilenetv1_100h", convention="fvcore").totals.passed
        True
    """
    published = _matching(read_published(Path(table)), models)
    requests = [
        _request(line.model, how if line.size is None else {**how, "input": _side(line.size)})
        for line in published
    ]
    rows = gather(requests, Path(out) if out is not None else None, way or Way())
    return beside(Path(table).name, published, rows, _request("", how).asked or "as archlab counts")


def plot_scan(result: Result[ScanTotals, ScanRow], suffix: str = "svg") -> bytes:
    """Return a picture (svg, png or pdf): MACs, parameters, and published accuracy as colour.

    Args:
        result: what `scan` returned.
        suffix: svg, png or pdf.

    Raises:
        OptionError: no row has numbers, or another suffix.

    Example:
        >>> plot_scan(scan(["resnet20", "resnet56"]))[:5]
        b'<?xml'
    """
    rows = [row for row in result.rows if row.params and row.macs]
    if not rows:
        raise OptionError("Nothing to plot: no row has parameters and MACs.")
    known = sum(row.accuracy is not None for row in rows)
    points = [
        Point(row.model.rpartition(":")[2], float(row.macs or 0), float(row.params or 0),
              row.accuracy)
        for row in rows
    ]  # fmt: skip
    return scatter(
        ScatterPicture(
            title=f"What {len(rows):,} models cost",
            subtitle=f"one forward of one image at each model's own size · {known:,} with a "
            "published top-1 accuracy on ImageNet, the others grey",
            xlabel="MACs", ylabel="parameters", value="top-1 accuracy in percent",
            points=points,
        ),
        suffix,
    )  # fmt: skip


def _specs(models: Sequence[str]) -> list[str]:
    if not any(map(names.is_pattern, models)):
        return list(dict.fromkeys(models))
    from archlab.resolve.sources import library_names  # here: imports torch, for patterns alone

    return names.expand(models, library_names)


def _requests(specs: Sequence[str], how: dict[str, Any]) -> list[Request]:
    return [_request(spec, how) for spec in specs]


def _request(spec: str, how: dict[str, Any]) -> Request:
    options = dict(how)
    given = options.pop("input", None) or ()
    check_one_of("convention", options.get("convention", "archlab"), TABLES)
    check_one_of("optimizer", options.get("optimizer", "adam"), OPTIMIZERS)
    for text in (given,) if isinstance(given, str) else given:
        parse_input(text)  # one message, not one a model
    return Request(
        model=spec,
        input=(given,) if isinstance(given, str) else tuple(given),
        batch=options.pop("batch", None),
        convention=options.pop("convention", "archlab"),
        optimizer=options.pop("optimizer", "adam"),
        options=tuple(options.items()),
    )


def _side(size: int) -> str:
    return f"3x{size}x{size}"


def _matching(published: list[Published], models: str | Sequence[str]) -> list[Published]:
    patterns = [models] if isinstance(models, str) else list(models)
    if not patterns:
        return published
    chosen = [line for line in published if any(fnmatchcase(line.model, text) for text in patterns)]
    if not chosen:
        known = [line.model for line in published]
        raise SpecError(
            f"The table has no model that matches {' '.join(patterns)}."
            f"{did_you_mean(patterns[0].replace('*', ''), known)}"
        )
    return chosen
