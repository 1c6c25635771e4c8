"""Layer responses after He et al. 2015 (arXiv:1512.03385, figure 7).

The standard deviation of every layer's output, after its batch norm where one follows directly,
before the nonlinearity and the addition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace

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

    Deviations are computed in float64. The module is left as it was, as by `measure_gradients`.

    Args:
        module: any module.
        batch: its inputs.
        layers: paths to measure; every module with a weight of its own where empty.
        mode: "train" (batch statistics), "eval", or None for the mode that the module is in.

    Raises:
        ProbeError: no layer with weights ran.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        >>> (response,) = measure_responses(net, Batch((torch.randn(64, 4),)))
        >>> response.path, response.normed, round(response.deviation, 2)
        ('0', True, 1.0)
    """
    responses: list[Response] = []
    calls: Counter[str] = Counter()
    latest: list[torch.Tensor] = []  # the output of the last layer, if no norm has followed yet

    def layer_ended(path: str, output: object) -> None:
        latest.clear()
        tensor = _floats(output)
        if tensor is None:
            return
        latest.append(tensor)
        shape, deviation = tuple(tensor.shape[1:]), _deviation(tensor)
        number = len(responses)
        responses.append(Response(number, path, calls[path], shape, False, deviation))  # noqa: FBT003
        calls[path] += 1

    def norm_ended(args: Sequence[object], output: object) -> None:
        tensor = _floats(output)
        if latest and args[0] is latest[0] and tensor is not None:
            responses[-1] = replace(responses[-1], normed=True, deviation=_deviation(tensor))
        latest.clear()

    paths = set(layers or weighted_layers(module))
    with ExitStack() as hooks, untouched(module, mode), torch.no_grad():
        for path, member in module.named_modules():
            if isinstance(member, _NORMS):
                hook = member.register_forward_hook(lambda _, args, out: norm_ended(args, out))
            elif path in paths:
                hook = member.register_forward_hook(
                    lambda _, __, out, path=path: layer_ended(path, out)
                )
            else:
                continue
            hooks.enter_context(hook)
        module(*batch.args, **batch.kwargs)
    if not responses:
        raise ProbeError(f"No layer with weights ran in {type(module).__name__}.")
    return tuple(responses)


def _floats(output: object) -> torch.Tensor | None:
    if isinstance(output, tuple) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) and output.is_floating_point() else None


def _deviation(tensor: torch.Tensor) -> float:
    return float(tensor.detach().double().std(correction=0))
