"""Gradient norms by depth: dL/d(activation) at every block, dL/dW, and dL/dW ÷ ‖W‖.

One forward and one backward. Norms are summed in float64: a float32 `.norm()` squares first, and
returns 0 below about 1e-23. `watch` says how gradients are seen where an in-place ReLU overwrites
the value that they belong to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from torch import nn

from archlab.errors import ProbeError
from archlab.probe.norm import norm
from archlab.probe.running import members, own_weights, reported, run
from archlab.probe.untouched import untouched
from archlab.probe.watch import Watch, WatchedCall
from archlab.result.by_depth import GradientPoint, GradientProfile
from archlab.tracer.modules import tensors_in

Loss = Callable[[Any, Any], torch.Tensor]  # (output of the module, targets) -> a scalar


@dataclass(frozen=True)
class Batch:
    """The arguments of one forward, and the targets of the loss (None where it draws its own)."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    targets: Any = None


def measure_gradients(
    module: nn.Module,
    batch: Batch,
    loss: Loss,
    *,
    blocks: Sequence[str] = (),
    mode: str | None = "train",
) -> GradientProfile:
    """Return the gradient norms of one batch at the outputs of `blocks`.

    It runs on the live module, on its device, and leaves mode, `.grad`, buffers, hooks and random
    states as they were. So it can be called between two training steps: a callback passes its
    module, the batch of the step and its own loss.

    The loss is called with the module's output as it is (a tuple, a dictionary …) and the targets
    of the batch, which is on the module's device. Where `blocks` is empty, the leaf layers with
    weights are measured. `mode` is "train", "eval", or None for the mode that the module is in.

    Raises:
        ProbeError: nothing requires a gradient, or the loss is no scalar that depends on weights.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
        >>> batch = Batch((torch.ones(3, 4),))
        >>> profile = measure_gradients(net, batch, lambda output, _: output.square().sum())
        >>> [(point.block, point.path) for point in profile.points]
        [(0, '0'), (1, '2')]
    """
    # In train mode by default: at initialisation, eval mode (running statistics) is another net.
    with untouched(module, mode):
        weights = _trainable(module)
        watch = Watch(module, tuple(blocks) or weighted_layers(module))
        value, gradients = _backward(module, batch, loss, weights, watch)
        pairs = zip(weights, gradients, strict=True)
        norms = {id(weight): norm(gradient) for weight, gradient in pairs if gradient is not None}
        calls = watch.selected()
        if not calls:
            raise ProbeError(f"No layer with weights ran in {type(module).__name__}.")
        inside = [_weights(module, [call.path], own=not blocks) for call in calls]
        if blocks and watch.stem is not None:
            # Place 0 is called after what made its tensor, else after the block that receives it.
            stem = watch.stem
            path = stem.path or f"input of {calls[0].path}"
            calls = [replace(stem, path=path), *calls]
            inside = [_weights(module, watch.before, own=True), *inside]
        points = [
            _point(i, call, weights_inside, norms)
            for i, (call, weights_inside) in enumerate(zip(calls, inside, strict=True))
        ]
    return GradientProfile(value, tuple(points))


def activation_gradients(
    module: nn.Module, batch: Batch, loss: Loss, *, mode: str | None = "train"
) -> dict[str, float | None]:
    """Return ‖dL/d(output)‖ for every module that ran, by its path in the graph.

    The norm is over all tensors of all calls of the module; None where no gradient arrives. The
    module is left as it was, with the errors of `measure_gradients`.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
        >>> norms = activation_gradients(net, Batch((torch.ones(3, 4),)), lambda y, _: y.sum())
        >>> list(norms), round(norms["1"], 4)  # the gradient of a sum of six outputs is six ones
        (['0', '1', ''], 2.4495)
    """
    with untouched(module, mode):
        watch = Watch(module)
        _backward(module, batch, loss, _trainable(module), watch)
        return watch.by_path()


def _trainable(module: nn.Module) -> list[nn.Parameter]:
    every = list(module.parameters())
    trainable = [parameter for parameter in every if parameter.requires_grad]
    if not every:
        raise ProbeError(
            f"{type(module).__name__} has no parameters, so there is no gradient to measure."
        )
    if not trainable:
        raise ProbeError(
            f"All {len(every)} parameters of {type(module).__name__} are frozen "
            "(requires_grad=False), so there is no gradient to measure. Unfreeze some of them."
        )
    return trainable


def _backward(
    module: nn.Module, batch: Batch, loss: Loss, weights: Sequence[nn.Parameter], watch: Watch
) -> tuple[float, tuple[torch.Tensor | None, ...]]:
    """Run one forward, watched, and its backward; return the loss and the weights' gradients."""
    with torch.enable_grad():
        with watch:
            output = run(module, batch.args, batch.kwargs)
        value = checked_loss(loss(output, batch.targets), output)
        # `autograd.grad` leaves `.grad` alone, so that a training step is not disturbed.
        with reported(f"The backward pass of {type(module).__name__}"):
            gradients = torch.autograd.grad(value, weights, allow_unused=True)
    return float(value.detach()), gradients


def checked_loss(value: Any, output: Any) -> torch.Tensor:
    """Return the loss, if gradients can start there.

    Raises:
        ProbeError: no scalar tensor, or one that depends on no weight.
    """
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        kind = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
        raise ProbeError(f"The loss gave {kind}; a tensor of one element is wanted.")
    if value.is_complex():
        raise ProbeError(
            "The loss is complex; a real number is wanted, such as its absolute value."
        )
    if not value.requires_grad:
        shapes = [tuple(tensor.shape) for tensor in tensors_in([output])]
        raise ProbeError(
            f"The loss depends on no weight that wants a gradient: the output holds {shapes}. "
            "Is something detached, or is everything that runs frozen?"
        )
    return value.reshape(())


def weighted_layers(module: nn.Module) -> tuple[str, ...]:
    """Return the paths of the modules that own a weight of two axes or more themselves."""
    return tuple(path for path, member in members(module) if owns_weight(member))


def owns_weight(member: nn.Module) -> bool:
    """Whether a module owns a weight of two axes or more itself."""
    return any(weight.dim() > 1 for weight in own_weights(member))


def _weights(module: nn.Module, paths: Iterable[str], *, own: bool) -> list[nn.Parameter]:
    """Return the weights that some modules own themselves, or all inside of them, each once."""
    # A scripted module has no submodules to get, but is one of the paths itself.
    inside = [module.get_submodule(path) if path else module for path in paths]
    weights = chain.from_iterable(
        own_weights(member) if own else member.parameters() for member in inside
    )
    return list(dict.fromkeys(weight for weight in weights if weight.dim() > 1))


def _point(
    block: int, call: WatchedCall, weights: Sequence[nn.Parameter], norms: Mapping[int, float]
) -> GradientPoint:
    # A weight without a gradient, frozen or unused, counts neither above nor below the line.
    trained = [weight for weight in weights if id(weight) in norms]
    weight_grad = math.hypot(*(norms[id(weight)] for weight in trained)) if trained else None
    size = math.hypot(*(norm(weight) for weight in trained))
    return GradientPoint(
        block=block,
        path=call.path,
        call=call.call,
        shape=call.shape,
        activation_grad=call.gradient(),
        weight_grad=weight_grad,
        grad_to_weight=weight_grad / size if weight_grad is not None and size else None,
        finite=call.finite(),
    )
