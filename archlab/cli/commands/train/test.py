"""`archlab test CHECKPOINT`."""

from __future__ import annotations

from typing import Annotated

import typer

from archlab.cli.output import Output
from archlab.cli.running import CheckpointArgument, Images


def test(
    checkpoint: CheckpointArgument,
    images: Images,
    output: Output,
    model: Annotated[
        str | None, typer.Option(help="Its spec, where the checkpoint does not say.")
    ] = None,  # noqa: PT028  a command, no test
) -> None:
    """Accuracy on test images, by class; the confusion matrix.

    Example: archlab test runs/resnet20-seed1-1a2b3c4d
    """
    from archlab.api.training import single

    output.show(
        single.evaluate_model(checkpoint, data=images.data, data_dir=images.data_dir, model=model)
    )
