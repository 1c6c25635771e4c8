"""`archlab report MODEL …` and `archlab report FOLDER`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.command import Typed
from archlab.cli.options import Loading, model_names
from archlab.cli.output import check_file, file_of
from archlab.cli.progress import progress_shown
from archlab.cli.streams import answer, say
from archlab.errors import OptionError

PAGES = (".html", ".htm")  # as api/page/report.py has them, which help does not import


def report(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL …",
            autocompletion=model_names,
            help="One model or several; or one folder of a sweep.",
        ),
    ],
    loading: Loading,
    typed: Typed,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The page, .html; - for standard output.")
    ] = Path("report.html"),
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Also measure gradients by depth: runs the models.")
    ] = False,
) -> None:
    """One page to look at, that works offline.

    A drawing that opens and closes, numbers, the receptive field, differences, in a single file for
    the browser; it loads nothing. The folder of a sweep (runs/degradation-demo) gives its curves,
    verdict and runs.

    Example: archlab report resnet18 --out report.html
    """
    _check_page(out)  # first, since the report itself takes seconds
    from archlab.api.page.of_runs import is_runs
    from archlab.api.page.report import report as make

    # A folder goes through as it is; only models are loaded, with the options that say how.
    subjects: Sequence[object] = models
    if any(map(is_runs, models)):
        for name in ("input", "batch", "options", "gradients"):
            if typed.any(name):
                raise OptionError(
                    f"{typed.spelling(name)} is for models, and a MODEL here is a folder of runs."
                )
    else:
        subjects = loading.load(*models)
    with progress_shown() as progress:
        typed_line = shlex.join(["archlab", *sys.argv[1:]])
        page = make(*subjects, gradients=gradients, command=typed_line, progress=progress)  # type: ignore[arg-type]
    if file_of(out) is None:
        answer(page.html)
        return
    page.save(out)
    size = len(page.html.encode()) / 1000
    say(f"wrote {out} ({size:.0f} kB): open it in a browser")


def _check_page(path: Path) -> None:
    """Raise where the file is no page, or cannot be written."""
    if file_of(path) and path.suffix.lower() not in PAGES:
        raise OptionError(
            f"--out {path}: a report is a page. Allowed: {', '.join(PAGES)}, or - for standard "
            "output. Pictures alone: archlab render."
        )
    check_file(path)
