"""`archlab params MODEL`."""

from __future__ import annotations

from archlab.cli.options import Loading, Mode, ModelArgument
from archlab.cli.output import Output, Tree


def params(
    model: ModelArgument, loading: Loading, output: Output, tree: Tree, mode: Mode = "eval"
) -> None:
    """Parameters by module: trainable, frozen, tied, unused.

    Example: archlab params googlenet
    """
    from archlab.api import cost

    (loaded,) = loading.load(model)
    output.show(cost.params(loaded, mode=mode), depth=tree.depth, sort=tree.sort)
