"""What a probe measures in a running net, place by place: `probe` makes it, `analyze` reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GradientPoint:
    """The gradients at one block, in the order of execution; None where there is no gradient."""

    block: int  # 0 is what the first block receives (or the first layer), then 1, 2, 3 …
    path: str  # of the module whose output it is
    call: int  # of that module, counted from 0
    shape: tuple[int, ...]  # of the output, without the batch
    activation_grad: float | None  # L2 norm over the whole batch of dL/d(output)
    weight_grad: float | None  # L2 norm of dL/dW over the weights (two axes or more) inside
    grad_to_weight: float | None  # that ÷ the L2 norm of the weights
    finite: bool = True  # the forward value is finite


@dataclass(frozen=True, slots=True)
class GradientProfile:
    """One measurement: the loss and the points, from the input to the loss."""

    loss: float
    points: tuple[GradientPoint, ...]


@dataclass(frozen=True, slots=True)
class Response:
    """One call of a layer, and the standard deviation of its output."""

    layer: int  # counted from 0 in call order
    path: str
    call: int
    shape: tuple[int, ...]  # without the batch
    normed: bool  # the deviation is that of the norm that follows
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
