"""Losses against random targets, for nets that come without data.

Outputs of the same shape as the first one are auxiliary heads; their losses are weighted by 0.3, as
in Szegedy et al. 2014 (arXiv:1409.4842, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from archlab.errors import OptionError, check_one_of, keyword
from archlab.probe.norm import has_gradient
from archlab.tracer.modules import tensors_in

AUXILIARY = 0.3
_NOTHING = "The output holds no floating-point tensor: no loss can start there."
_Term = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def _cross_entropy(output: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    # (batch, tokens, classes) has its classes on the last axis, images have them on axis 1.
    if output.dim() == 3:
        output = output.flatten(0, 1)
    shape = (output.shape[0], *output.shape[2:])
    labels = torch.randint(output.shape[1], shape, generator=generator)
    return nn.functional.cross_entropy(output, labels.to(output.device))


def _squared(output: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    if output.is_complex():
        targets = torch.randn(output.shape, generator=generator, dtype=torch.complex64)
        return (output - targets.to(output)).abs().square().mean()
    targets = torch.randn(output.shape, generator=generator)
    return nn.functional.mse_loss(output, targets.to(output))


LOSSES: dict[str, _Term] = {
    "cross-entropy": _cross_entropy,
    "mse": _squared,
    "sum": lambda output, _: output.sum(),
}
WORDS = {
    "cross-entropy": "cross-entropy (mean) on random labels",
    "mse": "mean squared error to random normal targets",
    "sum": "sum of the outputs",
}


def choose_loss(
    name: str | None, shapes: Sequence[tuple[int, ...]], *, real: bool = True
) -> tuple[str, str]:
    """Return the name of the loss for outputs of these shapes, and the sentence for the header.

    Where `name` is None, it is cross-entropy if the output has classes, else mse. The shapes are
    those of the floating-point tensors in the output, with their batch. A complex output, which is
    not `real`, has no classes and no sum that could be lowered: its loss is mse.

    Raises:
        OptionError: an unknown loss, or one that does not fit the output.

    Example:
        >>> choose_loss(None, [(64, 10), (64, 10)])[1]
        'cross-entropy (mean) on random labels + 0.3 × the same of 1 auxiliary output'
    """
    if name is not None:
        check_one_of("loss", name, LOSSES)
    if not shapes:
        raise OptionError(_NOTHING)
    main = shapes[0]
    if not real and name not in (None, "mse"):
        raise OptionError(
            f"{keyword('loss', name)} wants real numbers, and the output is complex. "
            f"Try {keyword('loss', 'mse')}."
        )
    classes = real and len(main) > 1 and main[-1 if len(main) == 3 else 1] > 1
    if name == "cross-entropy" and not classes:
        raise OptionError(
            f"{keyword('loss', name)} wants an output of (batch, classes …) with two classes or "
            f"more; this one is {'x'.join(map(str, main)) or 'a single number'}. "
            f"Try {keyword('loss', 'mse')} or {keyword('loss', 'sum')}."
        )
    chosen = name or ("cross-entropy" if classes else "mse")
    heads = sum(shape == main for shape in shapes[1:])
    addition = f" + {AUXILIARY} × the same of {heads} auxiliary output{'s' * (heads > 1)}"
    return chosen, WORDS[chosen] + (addition if heads else "")


def random_target_loss(name: str, seed: int) -> Callable[[Any, Any], torch.Tensor]:
    """Return a loss that draws its targets from `seed` and ignores those that it is called with.

    Example:
        >>> random_target_loss("sum", 0)({"logits": torch.ones(2, 3)}, None)
        tensor(6.)
    """

    def loss(output: Any, _: Any) -> torch.Tensor:
        tensors = list(filter(has_gradient, tensors_in([output])))
        if not tensors:
            raise OptionError(_NOTHING)
        main, *others = tensors
        total = term(main)
        for head in others:
            if head.shape == main.shape:
                total = total + AUXILIARY * term(head)
        return total

    def term(head: torch.Tensor) -> torch.Tensor:
        # A new generator for each head, so that all heads have the same targets.
        return LOSSES[name](head, torch.Generator().manual_seed(seed))

    return loss
