"""`archlab summary MODEL`."""

from __future__ import annotations

from archlab.cli.options import Loading, Mode, ModelArgument
from archlab.cli.output import Output, Tree


def summary(
    model: ModelArgument, loading: Loading, output: Output, tree: Tree, mode: Mode = "eval"
) -> None:
    """Kernel, output shape, parameters and MACs of every module.

    Example: archlab summary torchvision:resnet50
    """
    from archlab.api import cost

    (loaded,) = loading.load(model)
    output.show(cost.summary(loaded, mode=mode), depth=tree.depth, sort=tree.sort)
