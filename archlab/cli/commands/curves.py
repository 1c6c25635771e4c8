"""`archlab curves FOLDER …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.output import check_plot
from archlab.files import write


def curves(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER …", help="A sweep; or runs, or lightning_logs/version_0."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The picture: .svg, .png or .pdf.")
    ] = Path("curves.svg"),
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Time × depth heat of a run's gradient profile.")
    ] = False,
    style: Annotated[str, typer.Option("--style", help="Of a sweep: fig6 or fig1.")] = "fig6",
) -> None:
    """Curves of a sweep, of runs, of Lightning's logs.

    Example: archlab curves lightning_logs/version_0 --out curve.svg
    """
    check_plot(out, "--out")
    from archlab.api.training.curves import curves as draw

    if gradients:
        from archlab.api.training.curves import gradient_heat

        write(out, gradient_heat(folders[0], out.suffix[1:]))
    else:
        write(out, draw(*folders, suffix=out.suffix[1:], style=style))
    print(f"wrote {out}", file=sys.stderr)
