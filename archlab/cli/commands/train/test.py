"""`archlab test CHECKPOINT`."""

from __future__ import annotations

from archlab.cli.output import Output
from archlab.cli.running import CheckpointArgument, CheckpointModel, Images


def test(
    checkpoint: CheckpointArgument,
    images: Images,
    output: Output,
    model: CheckpointModel = None,  # noqa: PT028  a command, no test
) -> None:
    """Accuracy on test images, by class; the confusion matrix.

    Example: archlab test runs/resnet20-seed1-1a2b3c4d
    """
    from archlab.api.training import single

    output.show(
        single.evaluate_model(checkpoint, data=images.data, data_dir=images.data_dir, model=model)
    )
