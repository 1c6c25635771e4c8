"""`archlab responses MODEL …`."""

from __future__ import annotations

from archlab.cli.measuring import Layers, Measuring
from archlab.cli.options import ModelsArgument
from archlab.cli.output import Output, Plot, Sort
from archlab.cli.progress import progress_shown


def responses(
    models: ModelsArgument,
    measuring: Measuring,
    plot: Plot,
    output: Output,
    layers: Layers = None,
    sort: Sort = None,
) -> None:
    """The standard deviation of every layer's output, by depth.

    Figure 7 of He et al. 2015.

    Example: archlab responses resnet20 plain20 --norm none --seeds 1 --batch 16
    """
    from archlab.api.live import pictures, probes

    loaded = measuring.load(models)
    with progress_shown() as progress:
        answer = probes.responses(
            *loaded, layers=layers or (), progress=progress, **measuring.conditions
        )
    plot.save(lambda: pictures.plot_by_depth(answer))
    output.show(answer, sort=sort)
