"""Layer responses after He et al. 2015 (arXiv:1512.03385, figure 7).

The standard deviation of every layer's output, after its batch norm where one follows directly,
before the nonlinearity and the addition.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch
from torch import nn

from archlab.errors import ProbeError
from archlab.probe.gradients import Batch, weighted_layers
from archlab.probe.norm import has_gradient, plain
from archlab.probe.running import after, members, run
from archlab.probe.untouched import untouched
from archlab.probe.watch import sample_shape
from archlab.result.by_depth import Response

NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


def measure_responses(
    module: nn.Module,
    batch: Batch,
    *,
    layers: Collection[str] = (),
    mode: str | None = "train",
) -> tuple[Response, ...]:
    """Return the response of every layer with weights, in call order.

    Deviations are computed in float64. The module is left as it was, as by `measure_gradients`.
    Where `layers` is empty, every module with a weight of its own is measured.

    Raises:
        ProbeError: no layer with weights ran.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        >>> (response,) = measure_responses(net, Batch((torch.randn(64, 4),)))
        >>> response.path, response.normed, round(response.deviation, 2)
        ('0', True, 1.0)
    """
    with ExitStack() as hooks, untouched(module, mode), torch.no_grad():
        record = _Record(set(layers or weighted_layers(module)))
        for path, member in members(module):
            if isinstance(member, NORMS):
                hooks.enter_context(after(member, record.norm_ended))
            elif path in record.paths:
                hooks.enter_context(after(member, partial(record.layer_ended, path)))
        run(module, batch.args, batch.kwargs)
    if not record.responses:
        raise ProbeError(f"No layer with weights ran in {type(module).__name__}.")
    return tuple(record.responses)


class _Record:
    """The responses so far, and the output of the last layer, if no norm has followed it yet."""

    def __init__(self, paths: Collection[str]) -> None:
        self.paths = paths
        self.responses: list[Response] = []
        self.calls: Counter[str] = Counter()
        self.latest: torch.Tensor | None = None

    def layer_ended(self, path: str, _: nn.Module, __: object, output: object) -> None:
        """Add the response of a layer's call (a forward hook)."""
        self.latest = _floats(output)
        if self.latest is None:
            return
        shape, deviation = sample_shape(self.latest), _deviation(self.latest)
        number, call = len(self.responses), self.calls[path]
        self.responses.append(
            Response(number, path, call, shape, normed=False, deviation=deviation)
        )
        self.calls[path] += 1

    def norm_ended(self, _: nn.Module, args: Sequence[object], output: object) -> None:
        """Replace the last response by that of the norm on the same tensor (a forward hook)."""
        # The very same tensor: a norm of anything else belongs to another layer, or to none.
        tensor = _floats(output)
        first = args[0] if args else None
        if self.latest is not None and first is self.latest and tensor is not None:
            deviation = _deviation(tensor)
            self.responses[-1] = replace(self.responses[-1], normed=True, deviation=deviation)
        self.latest = None


def _floats(output: object) -> torch.Tensor | None:
    # Attention and recurrent layers return their output first, and weights or states behind it.
    if isinstance(output, tuple) and output:
        output = output[0]
    return output if isinstance(output, torch.Tensor) and has_gradient(output) else None


def _deviation(tensor: torch.Tensor) -> float:
    values = plain(tensor)
    dtype = torch.complex128 if values.is_complex() else torch.float64
    return float(values.to(dtype).std(correction=0))
