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
    from archlab.api.model import Model, load, trace
    from archlab.api.picture import Look, Picture
    from archlab.api.probes import identity, responses, shattered

VERBS = {
    "Look": "archlab.api.picture",
    "Model": "archlab.api.model",
    "Picture": "archlab.api.picture",
    "against": "archlab.api.cost",
    "bottleneck": "archlab.analyze.factorize",
    "bottlenecks": "archlab.api.cost",
    "check": "archlab.api.cost",
    "compare": "archlab.api.cost",
    "compare_modes": "archlab.api.cost",
    "effective_receptive_field": "archlab.api.field",
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
    "responses": "archlab.api.probes",
    "shapes": "archlab.api.cost",
    "shattered": "archlab.api.probes",
    "summary": "archlab.api.cost",
    "trace": "archlab.api.model",
    "unproductive": "archlab.api.field",
    "verify_receptive_field": "archlab.api.field",
}

__all__ = [
    "Look",
    "Model",
    "Picture",
    "against",
    "bottleneck",
    "bottlenecks",
    "check",
    "compare",
    "compare_modes",
    "effective_receptive_field",
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
    "responses",
    "shapes",
    "shattered",
    "summary",
    "trace",
    "unproductive",
    "verify_receptive_field",
]


def __getattr__(name: str) -> Any:
    if name not in VERBS:
        raise AttributeError(f"module 'archlab.api' has no attribute {name!r}")
    return getattr(importlib.import_module(VERBS[name]), name)
