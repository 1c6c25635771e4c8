"""`archlab identity MODEL …`."""

from __future__ import annotations

from archlab.cli.measuring import Measuring
from archlab.cli.options import ModelsArgument
from archlab.cli.output import Output, Plot, Sort
from archlab.cli.progress import progress_shown


def identity(
    models: ModelsArgument, measuring: Measuring, plot: Plot, output: Output, sort: Sort = None
) -> None:
    """How far each residual block is from the identity.

    The norm of F(x) over that of x.

    Example: archlab identity resnet20 --seeds 1 --batch 16
    """
    from archlab.api.live import pictures, probes

    loaded = measuring.load(models)
    with progress_shown() as progress:
        answer = probes.identity(*loaded, progress=progress, **measuring.conditions)
    plot.save(lambda: pictures.plot_by_depth(answer))
    output.show(answer, sort=sort)
