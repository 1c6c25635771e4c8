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

from archlab.errors import ArchlabError

__version__ = "0.1.0"

if TYPE_CHECKING:
    from archlab.analyze.factorize import bottleneck
    from archlab.api.cost import (
        against,
        bottlenecks,
        check,
        compare,
        compare_modes,
        flops,
        memory,
        params,
        shapes,
        summary,
    )
    from archlab.api.depth import gradients, module_gradients
    from archlab.api.depth_pictures import plot_by_depth
    from archlab.api.draw import render, render_backward, render_diff, render_graph
    from archlab.api.field import (
        effective_receptive_field,
        plot_receptive_field,
        receptive_field,
        unproductive,
        verify_receptive_field,
    )
    from archlab.api.figures import TrainingCurve, curves
    from archlab.api.finetuning import finetune_model
    from archlab.api.fitting import evaluate_model, train_model
    from archlab.api.gathering import Way
    from archlab.api.model import Model, load, trace
    from archlab.api.picture import Look, Picture
    from archlab.api.probes import identity, responses, shattered
    from archlab.api.reporting import Report, report
    from archlab.api.scanning import agreement, plot_scan, scan
    from archlab.api.training import degradation, verdict
    from archlab.train.data import CIFAR10Data, CIFAR100Data, FashionMNISTData, ImageData
    from archlab.train.module import Classifier

__all__ = [
    "ArchlabError",
    "CIFAR10Data",
    "CIFAR100Data",
    "Classifier",
    "FashionMNISTData",
    "ImageData",
    "Look",
    "Model",
    "Picture",
    "Report",
    "TrainingCurve",
    "Way",
    "against",
    "agreement",
    "bottleneck",
    "bottlenecks",
    "check",
    "compare",
    "compare_modes",
    "curves",
    "degradation",
    "effective_receptive_field",
    "evaluate_model",
    "finetune_model",
    "flops",
    "gradients",
    "identity",
    "load",
    "memory",
    "module_gradients",
    "params",
    "plot_by_depth",
    "plot_receptive_field",
    "plot_scan",
    "receptive_field",
    "render",
    "render_backward",
    "render_diff",
    "render_graph",
    "report",
    "responses",
    "scan",
    "shapes",
    "shattered",
    "summary",
    "trace",
    "train_model",
    "unproductive",
    "verdict",
    "verify_receptive_field",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'archlab' has no attribute {name!r}")
    value = getattr(importlib.import_module("archlab.api"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
