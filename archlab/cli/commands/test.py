"""`archlab test CHECKPOINT`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.options import Data, DataDir, Format, Out
from archlab.cli.output import check_target, show


def evaluate(
    saved: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A .ckpt file, or a run's folder.")
    ],
    data: Data = None,
    data_dir: DataDir = Path(".data"),
    model: Annotated[
        str | None, typer.Option("--model", help="Its spec, where the checkpoint does not say.")
    ] = None,
    style: Format = None,
    out: Out = None,
) -> None:
    """Accuracy on test images, by class; the confusion matrix.

    Example: archlab test runs/resnet20-seed1-1a2b3c4d
    """
    check_target(style, out)
    from archlab.api.training import single as fitting

    result = fitting.evaluate_model(saved, data=data, data_dir=data_dir, model=model)
    show(result, style=style, out=out)
