"""The verbs of archlab: load a model, ask a question, get a Result. Here the stages are joined.

Every verb takes a spec ("resnet18", "torchvision:vit_b_16", "net.py:Net"), a `torch.nn.Module`,
or a model that `load` returned. A module is copied, never changed. `VERBS` says which file holds
which verb; a file is imported when its verb is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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
    from archlab.api.model import Model, load, trace
    from archlab.api.picture import Look, Picture
    from archlab.api.probes import identity, responses, shattered
    from archlab.api.reporting import Report, report
    from archlab.api.training import degradation, verdict
    from archlab.train.data import CIFAR10Data, CIFAR100Data, FashionMNISTData, ImageData
    from archlab.train.module import Classifier

VERBS = {
    "CIFAR100Data": "archlab.train.data",
    "CIFAR10Data": "archlab.train.data",
    "Classifier": "archlab.train.module",
    "FashionMNISTData": "archlab.train.data",
    "ImageData": "archlab.train.data",
    "Look": "archlab.api.picture",
    "Model": "archlab.api.model",
    "Picture": "archlab.api.picture",
    "Report": "archlab.api.reporting",
    "TrainingCurve": "archlab.api.figures",
    "against": "archlab.api.cost",
    "bottleneck": "archlab.analyze.factorize",
    "bottlenecks": "archlab.api.cost",
    "check": "archlab.api.cost",
    "compare": "archlab.api.cost",
    "compare_modes": "archlab.api.cost",
    "curves": "archlab.api.figures",
    "degradation": "archlab.api.training",
    "effective_receptive_field": "archlab.api.field",
    "evaluate_model": "archlab.api.fitting",
    "finetune_model": "archlab.api.finetuning",
    "flops": "archlab.api.cost",
    "gradients": "archlab.api.depth",
    "identity": "archlab.api.probes",
    "load": "archlab.api.model",
    "memory": "archlab.api.cost",
    "module_gradients": "archlab.api.depth",
    "params": "archlab.api.cost",
    "plot_by_depth": "archlab.api.depth_pictures",
    "plot_receptive_field": "archlab.api.field",
    "receptive_field": "archlab.api.field",
    "render": "archlab.api.draw",
    "render_backward": "archlab.api.draw",
    "render_diff": "archlab.api.draw",
    "render_graph": "archlab.api.draw",
    "report": "archlab.api.reporting",
    "responses": "archlab.api.probes",
    "shapes": "archlab.api.cost",
    "shattered": "archlab.api.probes",
    "summary": "archlab.api.cost",
    "trace": "archlab.api.model",
    "train_model": "archlab.api.fitting",
    "unproductive": "archlab.api.field",
    "verdict": "archlab.api.training",
    "verify_receptive_field": "archlab.api.field",
}

__all__ = [
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
    "against",
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
    "receptive_field",
    "render",
    "render_backward",
    "render_diff",
    "render_graph",
    "report",
    "responses",
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
    if name not in VERBS:
        raise AttributeError(f"module 'archlab.api' has no attribute {name!r}")
    return getattr(importlib.import_module(VERBS[name]), name)
