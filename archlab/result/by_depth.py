"""What a probe measures in a running net, place by place: `probe` makes it, `analyze` reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GradientPoint:
    """The gradients at one block, in the order of execution; None where there is no gradient.

    Attributes:
        block: 0 is what the first block receives (or the first layer), then 1, 2, 3 …
        path: of the module whose output it is.
        call: which call of that module, from 0.
        shape: of the output, without the batch.
        activation_grad: L2 norm over the whole batch of dL/d(output).
        weight_grad: L2 norm of dL/dW over the weights (two axes or more) inside.
        grad_to_weight: that ÷ the L2 norm of the weights.
        finite: whether the forward value is finite.
    """

    block: int
    path: str
    call: int
    shape: tuple[int, ...]
    activation_grad: float | None
    weight_grad: float | None
    grad_to_weight: float | None
    finite: bool = True


@dataclass(frozen=True, slots=True)
class GradientProfile:
    """One measurement: the loss and the points, from the input to the loss."""

    loss: float
    points: tuple[GradientPoint, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """One call of a layer, numbered from 0 in call order, and the deviation of its output.

    `shape` is without the batch; `normed`: the deviation is that of the norm that follows.
    """

    layer: int
    path: str
    call: int
    shape: tuple[int, ...]
    normed: bool
    deviation: float


@dataclass(frozen=True, slots=True)
class Branch:
    """One residual addition: the norms of F(x) and of x as the shortcut carries it."""

    path: str
    call: int
    shape: tuple[int, ...]
    branch: float
    shortcut: float

    @property
    def ratio(self) -> float | None:
        """‖F(x)‖ ÷ ‖x‖; None where the shortcut carries nothing."""
        return self.branch / self.shortcut if self.shortcut else None
