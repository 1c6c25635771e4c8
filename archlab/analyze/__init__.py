"""Questions about a traced graph: pure functions Graph -> Result. No torch, no I/O."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archlab.ir.graph import Graph
    from archlab.result import Result

ANALYZERS = {
    "params": "archlab.analyze.params:params",
    "flops": "archlab.analyze.flops:flops",
    "memory": "archlab.analyze.memory:memory",
    "shapes": "archlab.analyze.shapes:shapes",
    "summary": "archlab.analyze.summary:summary",
    "bottleneck": "archlab.analyze.factorize:find_bottlenecks",
    "receptive_field": "archlab.analyze.field.receptive_field:receptive_field",
}
"""Question -> where its analyzer is; imported on use, so that one question costs one file."""


def analyzer(name: str) -> Callable[[Graph], Result[Any, Any]]:
    """Return the analyzer of a question.

    Example:
        >>> analyzer("params").__name__
        'params'
    """
    module, _, function = ANALYZERS[name].partition(":")
    found: Callable[[Graph], Result[Any, Any]] = getattr(importlib.import_module(module), function)
    return found
