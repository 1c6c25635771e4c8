"""The verbs of scale: many models in one table, held against a published one, and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from archlab.analyze.flops import TABLES
from archlab.analyze.memory import OPTIMIZERS
from archlab.errors import OptionError, SpecError, check_one_of, did_you_mean, keyword
from archlab.picture.picture import Picture
from archlab.result import Result
from archlab.spec import parse_input
from archlab.survey import names, store
from archlab.survey.gather import ScanSettings, gather
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
from archlab.verb import verb
from archlab.view.figure.frame import Words
from archlab.view.figure.scatter import Point, ScatterFigure, scatter

_STUBS = "timm:test_"


@verb
def scan(
    *models: str,
    out: str | Path | None = None,
    where: str = "",
    settings: ScanSettings | None = None,
    input: str | Sequence[str] = (),  # noqa: A002  the word users know
    batch: int | None = None,
    options: Mapping[str, object] | None = None,
    convention: str = "archlab",
    optimizer: str = "adam",
) -> Result[ScanTotals, ScanRow]:
    """Return one row a model; a model that fails, hangs or eats the memory is a row that says so.

    Args:
        *models: specs and patterns: `timm:*`, `torchvision:res*`, `vgg*` (of the zoo).
        out: a .parquet or .csv file that keeps the rows: only those that it lacks are measured.
            Without `models` the file alone is read.
        where: a condition on the columns, as `macs < 1e9 and rf > 200`.
        settings: engine, limits and progress.
        input: one or more inputs as text, for every model; each model's own by default.
        batch: samples per forward, for every model.
        options: constructor arguments, for every model.
        convention: "archlab" or "fvcore": what counts as an operation.
        optimizer: sgd, momentum or adam: what training keeps.

    Raises:
        SpecError: a pattern that matches nothing.
        OptionError: a condition that is none, or nothing to scan.
        OutputError: the file holds something else, or cannot be written.
        EngineError: worker processes or a cluster that cannot be had.

    Example:
        >>> [row.params for row in scan("resnet20", "plain20").rows]
        [269722, 269722]
    """
    meets = condition(where, kinds()) if where else None
    table = Path(out) if out is not None else None
    if models:
        # Checked once, so that there is one message and not one a model.
        request = _request(input, batch, options, convention, optimizer)
        requests = [replace(request, model=spec) for spec in specs(models)]
        rows = gather(requests, table, settings or ScanSettings())
    elif table is not None and table.is_file():
        store.check_format(table)
        rows = store.read(table)
    else:
        raise OptionError(
            "Nothing to scan: give models or patterns such as resnet18 'timm:*', or "
            f"{keyword('out')} with a table that is there."
        )
    if meets is None:
        return scan_result(rows)
    return scan_result([row for row in rows if meets(asdict(row))], of=rows)


@verb
def agreement(
    table: str | Path,
    *models: str,
    out: str | Path | None = None,
    settings: ScanSettings | None = None,
    input: str | Sequence[str] = (),  # noqa: A002  the word users know
    batch: int | None = None,
    options: Mapping[str, object] | None = None,
    convention: str = "archlab",
    optimizer: str = "adam",
) -> Result[AgreementTotals, AgreementRow]:
    """Return a published table beside our own numbers, each at the published image size.

    Args:
        table: CSV with timm's columns, see `archlab.survey.published.read_published`.
        *models: only lines whose model matches one of these patterns; all by default.
        out, settings, batch, options, optimizer: as in `scan`.
        input: for lines without a published size.
        convention: as in `scan`; timm publishes under "fvcore".

    Raises:
        DataError: the table cannot be read.
        SpecError: no line matches.

    Example:
        >>> table = "tests/truth/timm_published.csv"
        >>> agreement(table, "timm:mobilenetv1_100h", convention="fvcore").totals.passed
        True
    """
    published = _matching(read_published(Path(table)), models)
    request = _request(input, batch, options, convention, optimizer)
    # A published number holds for the size that stands beside it, which may not be the model's own.
    requests = [
        replace(request, model=line.model, input=(f"3x{line.size}x{line.size}",))
        if line.size is not None
        else replace(request, model=line.model)
        for line in published
    ]
    rows = gather(requests, Path(out) if out is not None else None, settings or ScanSettings())
    return beside(Path(table).name, published, rows, request.asked or "as archlab counts")


@verb
def plot_scan(answer: Result[ScanTotals, ScanRow], *, mark: str | Sequence[str] = ()) -> Picture:
    """Return a picture: MACs, parameters, and published accuracy as colour.

    The best model and the front are marked: those of which none is as accurate with fewer MACs.
    timm's models for its own tests, whose names begin with `test_`, are left out.

    Args:
        answer: what `scan` returned.
        mark: names of models that get a ring and a label, with or without their source.

    Raises:
        OptionError: no row has numbers, or none of that name.

    Example:
        >>> plot_scan(scan("resnet20", "resnet56"), mark="resnet56").svg[:5]
        '<?xml'
    """
    # Axes are logarithmic: neither a model that failed nor one without a weight has a place.
    rows = [row for row in answer.rows if row.params and row.macs]
    if not rows:
        raise OptionError("Nothing to plot: no row has parameters and MACs.")
    marked = marks(mark, [row.model for row in rows])
    drawn = [row for row in rows if row.model in marked or not row.model.startswith(_STUBS)]
    left_out = len(rows) - len(drawn)
    known = sum(row.accuracy is not None for row in drawn)
    points = [
        Point(_leaf(row.model), float(row.macs or 0), float(row.params or 0), row.accuracy,
              row.model in marked)
        for row in drawn
    ]  # fmt: skip
    parts = [f"{known:,} with a published top-1 accuracy on ImageNet, the others grey"]
    if left_out:
        parts.append(f"without {_many(left_out, 'test_ model')}, which timm has for its own tests")
    content = ScatterFigure(
        Words(
            f"What {_many(len(drawn), 'model')} cost{'s' * (len(drawn) == 1)}",
            " · ".join(parts),
            "One forward of one image, at each model's own size.",
        ),
        xlabel="MACs",
        ylabel="parameters",
        value="top-1 accuracy in percent",
        points=points,
    )
    return Picture(partial(scatter, content))


def marks(mark: str | Sequence[str], known: Sequence[str]) -> frozenset[str]:
    """Return the specs that names to mark stand for: all that are equal but for their source.

    Raises:
        OptionError: a name that is not among the known specs; the message suggests the nearest.
    """
    names_given = (mark,) if isinstance(mark, str) else tuple(mark)
    found: set[str] = set()
    for name in names_given:
        meant = [spec for spec in known if name in (spec, _leaf(spec))]
        if not meant:
            near = did_you_mean(name, [*map(_leaf, known), *known])
            raise OptionError(
                f"{keyword('mark', name)}: no such model to draw.{near} "
                "Allowed are models of the table that have parameters and MACs."
            )
        found.update(meant)
    return frozenset(found)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def _leaf(spec: str) -> str:
    """Return a model's name without its source."""
    return spec.rpartition(":")[2]


def specs(models: Sequence[str]) -> list[str]:
    """Return the specs that specs and patterns stand for, each once."""
    # A model that is named twice is one row; a pattern may name it a third time.
    if not any(map(names.is_pattern, models)):
        return list(dict.fromkeys(models))
    from archlab.resolve.sources import library_names  # here: imports torch, for patterns alone

    return names.expand(models, library_names)


def _request(
    input: str | Sequence[str],  # noqa: A002
    batch: int | None,
    options: Mapping[str, object] | None,
    convention: str,
    optimizer: str,
) -> Request:
    """Return a request, checked, that is still without its model."""
    check_one_of("convention", convention, TABLES)
    check_one_of("optimizer", optimizer, OPTIMIZERS)
    texts = (input,) if isinstance(input, str) else tuple(input)
    for text in texts:
        parse_input(text)
    items = tuple((options or {}).items())
    return Request(
        model="", input=texts, batch=batch, options=items, convention=convention,
        optimizer=optimizer,
    )  # fmt: skip


def _matching(published: list[Published], patterns: Sequence[str]) -> list[Published]:
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
