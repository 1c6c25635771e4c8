"""`archlab report MODEL …` and `archlab report FOLDER`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import Batch, Input, Set, model_names
from archlab.cli.output import announced, check_page, how_to_load
from archlab.cli.progress import progress_bar


def report(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL …",
            help="One model or several; or one folder of a sweep.",
            autocompletion=model_names,
        ),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The page, .html; - for standard output.")
    ] = Path("report.html"),
    gradients: Annotated[
        bool,
        typer.Option("--gradients", help="Also measure gradients by depth: runs the models."),
    ] = False,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
) -> None:
    """One page to look at, that works offline.

    A drawing that opens and closes, numbers, the receptive field, differences, in a single file for
    the browser; it loads nothing. The folder of a sweep (runs/degradation-demo) gives its curves,
    verdict and runs.

    Example: archlab report resnet18 --out report.html
    """
    check_page(out)
    from archlab.api.page.of_runs import is_runs
    from archlab.api.page.report import report as make

    how = how_to_load(input, batch, set_)
    given: dict[str, object] = {name: value for name, value in how.items() if value}
    wanted: list[object] = list(subjects)
    if not any(map(is_runs, subjects)):
        from archlab.api.model import Model

        wanted, given = [announced(Model(subject, **how)) for subject in subjects], {}
    with progress_bar() as progress:
        page = make(*wanted, gradients=gradients, command=_command(), progress=progress, **given)  # type: ignore[arg-type]
    if str(out) == "-":
        print(page.html)
        return
    page.save(out)
    size = len(page.html.encode()) / 1000
    print(f"wrote {out} ({size:.0f} kB): open it in a browser", file=sys.stderr)


def _command() -> str:
    return shlex.join(["archlab", *sys.argv[1:]])
