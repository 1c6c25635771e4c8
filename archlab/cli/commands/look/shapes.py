"""`archlab shapes MODEL`."""

from __future__ import annotations

from archlab.cli.options import Loading, Mode, ModelArgument
from archlab.cli.output import Output, Tree


def shapes(
    model: ModelArgument, loading: Loading, output: Output, tree: Tree, mode: Mode = "eval"
) -> None:
    """Shapes through every module, and the ladder of map sizes.

    Example: archlab shapes resnet18
    """
    from archlab.api import cost

    (loaded,) = loading.load(model)
    output.show(cost.shapes(loaded, mode=mode), depth=tree.depth, sort=tree.sort)
