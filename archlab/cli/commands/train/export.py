"""`archlab export CHECKPOINT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import constant, listed
from archlab.cli.output import check_file
from archlab.cli.running import CheckpointArgument, CheckpointModel
from archlab.cli.streams import say


def export(
    checkpoint: CheckpointArgument,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help=f"{listed(constant('archlab.train.export:FORMATS'))}. Default: suffix of --out.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The file. Default: model.SUFFIX in the run.")
    ] = None,
    input: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            "--input", "-i", metavar="SIZES", help="3x32x32. Default: that of the run's images."
        ),
    ] = None,
    model: CheckpointModel = None,
) -> None:
    """The trained net as ONNX, torch.export or safetensors.

    Example: archlab export runs/resnet20-seed1-1a2b3c4d --to pt2
    """
    check_file(out)
    from archlab.api.training import trained

    say(f"wrote {trained.export_model(checkpoint, to=to, out=out, input=input, model=model)}")
