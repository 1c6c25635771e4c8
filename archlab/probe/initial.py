"""Schemes for initial values, and models without norms: what papers vary at initialisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from archlab.errors import OptionError, keyword

# The gain √2: ReLU halves the second moment (He et al. 2015, arXiv:1502.01852).
_kaiming = partial(nn.init.kaiming_normal_, mode="fan_in", nonlinearity="relu")
SCHEMES: dict[str, Callable[[torch.Tensor], object] | None] = {
    "kaiming": _kaiming,
    "xavier": nn.init.xavier_normal_,
    # The layer's own `reset_parameters`.
    "default": None,
    "orthogonal": partial(nn.init.orthogonal_, gain=math.sqrt(2)),
    # After this, `branches.zero_branches` sets the last norm of every branch to 0.
    "zero-gamma": _kaiming,
}
WORDS = {
    "kaiming": "He et al. 2015: normal, fan-in, gain √2, biases 0",
    "xavier": "Glorot and Bengio 2010: normal, gain 1, biases 0",
    "default": "PyTorch's: uniform, variance 1/(3 fan-in)",
    "orthogonal": "orthogonal, gain √2, biases 0",
    "zero-gamma": "He, and the last norm of every residual branch 0",
}
_LAYERS = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
    nn.Linear,
)  # fmt: skip


def initialise(module: nn.Module, scheme: str) -> int:
    """Draw the weights of all convolutions and linear layers anew; return how many there were.

    `scheme` is a key of SCHEMES; random numbers come from torch's global generator.

    Raises:
        OptionError: a weight that is computed from others, or complex where orthogonal is wanted.

    Example:
        >>> initialise(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), "kaiming")
        1
    """
    draw = SCHEMES[scheme]
    layers = {path: m for path, m in module.named_modules() if isinstance(m, _LAYERS)}
    for path, layer in layers.items():
        # What is written into a computed weight (weight norm, spectral norm) is lost.
        computed = "weight" not in layer._parameters
        if computed or (scheme == "orthogonal" and layer.weight.is_complex()):
            why = "computed from other tensors" if computed else "complex"
            option = keyword("init", scheme)
            raise OptionError(f"{option} cannot draw {path}.weight, which is {why}.")
    for layer in layers.values():
        if draw is None:
            layer.reset_parameters()
            continue
        draw(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return len(layers)


def without_norms(module: nn.Module) -> int:
    """Replace every batch norm inside `module` by the identity; return how many there were.

    Example:
        >>> without_norms(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)))
        1
    """
    # Listed first: the modules may not change while they are walked through.
    places = [
        (parent, name)
        for parent in module.modules()
        for name, child in parent.named_children()
        if is_batch_norm(child)
    ]
    for parent, name in places:
        setattr(parent, name, nn.Identity())
    return len(places)


def is_batch_norm(module: nn.Module) -> bool:
    """Whether a module is a batch norm of any rank."""
    return isinstance(module, nn.modules.batchnorm._BatchNorm)


def weight_gain(module: nn.Module) -> float | None:
    """Return the mean of fan-in × mean(W²) over the convolutions: 2 for He, 1/3 for PyTorch's own.

    None where there is no convolution.

    Example:
        >>> layer = nn.Conv2d(8, 8, 3)
        >>> _ = nn.init.constant_(layer.weight, 1 / math.sqrt(72))
        >>> round(weight_gain(layer), 4)
        1.0
    """
    convs = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    gains = [
        member.weight[0].numel() * float(member.weight.detach().abs().double().square().mean())
        for member in module.modules()
        if isinstance(member, convs)
    ]
    return sum(gains) / len(gains) if gains else None
