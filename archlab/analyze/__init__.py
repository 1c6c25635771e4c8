"""Questions about a traced graph: pure functions Graph -> Result. No torch, no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archlab.analyze.factorize import find_bottlenecks
from archlab.analyze.flops import flops
from archlab.analyze.memory import memory
from archlab.analyze.params import params
from archlab.analyze.shapes import shapes
from archlab.analyze.summary import summary
from archlab.ir.graph import Graph
from archlab.result import Result

ANALYZERS: dict[str, Callable[[Graph], Result[Any, Any]]] = {
    "params": params,
    "flops": flops,
    "memory": memory,
    "shapes": shapes,
    "summary": summary,
    "bottleneck": find_bottlenecks,
}
"""Name of the question -> analyzer. The contract tests walk every entry over every kind of node."""
