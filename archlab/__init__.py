"""archlab: understand a neural network's architecture.

What it costs, what it sees, how its gradients flow, what it looks like, and whether its depth
helps. Everything here is loaded on first use: `import archlab` imports no torch.

    >>> import archlab
    >>> archlab.params("resnet20").totals.params
    269722
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from archlab.analyze.factorize import bottleneck
    from archlab.api import (
        Model,
        against,
        bottlenecks,
        check,
        compare,
        compare_modes,
        flops,
        load,
        memory,
        params,
        shapes,
        summary,
        trace,
    )
    from archlab.errors import ArchlabError

# Public name -> the module that holds it (PEP 562: nothing is imported before it is asked for).
_HOMES = {
    "ArchlabError": "archlab.errors",
    "Model": "archlab.api",
    "against": "archlab.api",
    "bottleneck": "archlab.analyze.factorize",
    "check": "archlab.api",
    "bottlenecks": "archlab.api",
    "compare": "archlab.api",
    "compare_modes": "archlab.api",
    "flops": "archlab.api",
    "load": "archlab.api",
    "memory": "archlab.api",
    "params": "archlab.api",
    "shapes": "archlab.api",
    "summary": "archlab.api",
    "trace": "archlab.api",
}

__all__ = [
    "ArchlabError",
    "Model",
    "against",
    "bottleneck",
    "bottlenecks",
    "check",
    "compare",
    "compare_modes",
    "flops",
    "load",
    "memory",
    "params",
    "shapes",
    "summary",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'archlab' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
