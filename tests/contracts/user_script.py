"""A user's script as `mypy --strict` sees it, run with the package's own files (`nox -s types`).

Right calls have the types that they say; a wrong call that mypy does not find has an unused
`ignore`, which is an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import torch
from torch import nn

import archlab
from archlab import ArchlabError, Model, Picture


class Net(nn.Module):
    """A net of one's own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the map."""
        out: torch.Tensor = self.conv(x)
        return out


def numbers(folder: Path) -> list[int | float | None]:
    """Ask what a user asks, of a spec, a module and a loaded model."""
    model = archlab.load(Net(), input="3x8x8")
    assert_type(model, Model)
    cost = archlab.flops(model)
    assert_type(cost.totals.macs, int)
    assert_type(archlab.params("resnet20").totals.params, int)
    assert_type([row.path for row in cost.rows], list[str])
    picture = archlab.render(model, depth=1)
    assert_type(picture, Picture)
    assert_type(picture.save(folder / "net.svg"), Path)
    peak = archlab.memory(model).totals.training
    assert_type(peak, int | None)
    gradients = archlab.gradients(model, seeds=1, batch=2)
    assert_type([row.activation_grad for row in gradients.rows], list[float | None])
    try:
        archlab.params("resnet19")
    except ArchlabError:
        return [cost.totals.macs, peak]
    return []


def wrong() -> None:
    """Call what a checker must refuse; nothing runs this."""
    _ = archlab.flops("resnet20").totals.mac  # type: ignore[attr-defined]
    archlab.render("resnet20", mode=3)  # type: ignore[arg-type]
    archlab.bottleneck("192", 32)  # type: ignore[arg-type, call-arg]
    archlab.train_model("resnet20", gradiens=5)  # type: ignore[call-arg]
    _text: str = archlab.params("resnet20").totals.params  # type: ignore[assignment]
