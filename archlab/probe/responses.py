"""Layer responses after He et al. 2015 (arXiv:1512.03385, figure 7).

The standard deviation of every layer's output, after its batch norm where one follows directly,
before the nonlinearity and the addition.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from archlab.errors import ProbeError
from archlab.probe.gradients import Batch, weighted_layers
from archlab.probe.untouched import untouched
from archlab.result.by_depth import Response

_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def measure_responses(
    module: nn.Module,
    batch: Batch,
    *,
    layers: Collection[str] = (),
    mode: str | None = "train",
) -> tuple[Response, ...]:
    """Return the response of every layer with weights, in call order.

    Leaves the module as `measure_gradients` does; deviations are computed in float64.

    Args:
        module: any module.
        batch: its inputs.
        layers: paths to measure; every module with a weight of its own where empty.
        mode: "train" (batch statistics), "eval", or None for as it is.

    Raises:
        ProbeError: no layer with weights ran.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        >>> found = measure_responses(net, Batch((torch.randn(64, 4),)))
        >>> found[0].path, found[0].normed, round(found[0].deviation, 2)
        ('0', True, 1.0)
    """
    found: list[Response] = []
    counts: dict[str, int] = {}
    latest: list[torch.Tensor] = []  # the last layer's output, which a norm may take

    def layer_ended(path: str, output: object) -> None:
        tensor = _first(output)
        latest.clear()
        if tensor is None:
            return
        call = counts.get(path, 0)
        counts[path] = call + 1
        found.append(
            Response(
                len(found), path, call, tuple(tensor.shape[1:]), normed=False,
                deviation=_deviation(tensor),
            )
        )  # fmt: skip
        latest.append(tensor)

    def norm_ended(given: object, output: object) -> None:
        tensor = _first(output)
        if latest and given is latest[0] and tensor is not None:
            last = found[-1]
            found[-1] = Response(
                last.layer, last.path, last.call, last.shape, normed=True,
                deviation=_deviation(tensor),
            )  # fmt: skip
        latest.clear()

    chosen = set(layers or weighted_layers(module))
    handles = []
    for path, member in module.named_modules():
        if isinstance(member, _NORMS):
            handles.append(
                member.register_forward_hook(lambda _, args, out: norm_ended(args[0], out))
            )
        elif path in chosen:
            handles.append(
                member.register_forward_hook(lambda _, __, out, path=path: layer_ended(path, out))
            )
    try:
        with untouched(module, mode), torch.no_grad():
            module(*batch.args, **batch.kwargs)
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise ProbeError(f"No layer with weights ran in {type(module).__name__}.")
    return tuple(found)


def _first(output: object) -> torch.Tensor | None:
    if isinstance(output, tuple) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) and output.is_floating_point() else None


def _deviation(tensor: torch.Tensor) -> float:
    return float(tensor.detach().double().std(correction=0))
