"""Options of commands that run many jobs: on this machine, or on a Ray cluster."""

from __future__ import annotations

from typing import Annotated

import typer

Engine = Annotated[
    str, typer.Option("--engine", help="local (processes) or ray (pip install ray).")
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="Of a Ray cluster. Default: the one that runs here, else one of this machine.",
    ),
]
