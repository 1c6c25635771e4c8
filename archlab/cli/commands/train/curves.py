"""`archlab curves FOLDER …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.command import Typed
from archlab.cli.output import check_file, check_suffix, put, suffixes
from archlab.cli.running import Figure
from archlab.errors import OptionError
from archlab.view.figure.export import FORMATS


def curves(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER …", help="A sweep; or runs, or logs, such as lightning_logs."
        ),
    ],
    typed: Typed,
    out: Annotated[
        Path, typer.Option("--out", "-o", help=f"The picture: {suffixes(FORMATS)}.")
    ] = Path("curves.svg"),
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Gradient norms by step and depth, of one run.")
    ] = False,
    style: Figure = "fig6",
) -> None:
    """Curves of a sweep, of runs, of Lightning's logs.

    Example: archlab curves lightning_logs/version_0 --out curve.svg
    """
    check_suffix("out", out, FORMATS)
    check_file(out)
    typed.exclusive("gradients", "style", because="the styles are those of a sweep's errors")
    if gradients and len(folders) > 1:
        raise OptionError("--gradients shows one run: give one FOLDER.")
    from archlab.runs.ledger import SWEEP

    if typed.any("style") and not (folders[0] / SWEEP).is_file():
        raise OptionError(f"--style is for a sweep, and {folders[0]} is none.")
    from archlab.api.training import curves as drawn

    # Drawn before the file is opened: a folder without logs leaves no empty picture.
    picture = drawn.gradient_heat(folders[0]) if gradients else drawn.curves(*folders, style=style)
    put(out, picture.data(out.suffix[1:]))
