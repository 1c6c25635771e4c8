"""A trained net on test images: accuracy, per class, and what is taken for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from archlab.result import Header, Result, Unit, columns
from archlab.train.batches import whole_batches
from archlab.train.data import ImageData
from archlab.train.module import logits_of
from archlab.train.trainable import check_scores


@dataclass(frozen=True, slots=True)
class TestTotals:
    """All test images: accuracy from 0 to 1, mean loss."""

    __test__ = False  # pytest would collect a class of this name

    accuracy: float
    loss: float
    images: int
    right: int


@dataclass(frozen=True, slots=True)
class TestRow:
    """One class: how many of its images are found, and how many of those so called are its own."""

    __test__ = False

    path: Annotated[str, "class"]
    images: Annotated[int, "images", Unit.COUNT]
    right: Annotated[int, "right", Unit.COUNT]
    accuracy: Annotated[float | None, "accuracy", Unit.SHARE]
    precision: Annotated[float | None, "precision", Unit.SHARE]
    mostly_taken_for: Annotated[str, "mostly taken for"]


_CORNER = "true ↓  taken for →"


def evaluate(
    model: nn.Module, data: ImageData, name: str, weights: str = "trained"
) -> Result[TestTotals, TestRow]:
    """Return accuracy and the confusion matrix (rows: true class) on the test images.

    `weights` says in words how far the net is trained.

    The net is moved to the device of the images. It computes in float32 and in the recipe's memory
    format, whatever precision it was trained in.
    """
    classes = data.images.classes
    # A convolution takes the format of its weights for images in the other one.
    layout = torch.channels_last if data.recipe.channels_last else None
    # Torch takes both at once, and its types do not say so.
    model.to(data.part("test")[0].device, memory_format=layout)  # type: ignore[call-overload]
    model.eval()
    with torch.no_grad():
        check_scores(model, data.images, name)
    confusion, loss = _confusion(model, data)
    right, count = int(confusion.diagonal().sum()), int(confusion.sum())
    return Result(
        name="test",
        header=Header(
            name, f"{data.images.name}, {count:,} test images", "eval", weights,
            ("accuracy: share of a class's images that are found · precision: share of the images "
             "called so that are of the class", *filter(None, (data.images.left_out,))),
        ),
        totals=TestTotals(right / count, loss, count, right),
        rows=tuple(_row(i, classes, confusion) for i in range(len(classes))),
        columns=columns(TestRow),
        footer=(f"accuracy {100 * right / count:.2f} % ({right:,} of {count:,}), loss {loss:.4f}",
                *_matrix(classes, confusion)),
        extra=(("classes", list(classes)), ("confusion", confusion.tolist())),
    )  # fmt: skip


def _confusion(model: nn.Module, data: ImageData) -> tuple[Tensor, float]:
    """Return how many images of each class (row) are taken for each (column), and the mean loss."""
    classes, (images, labels) = len(data.images.classes), data.part("test")
    counts = torch.zeros(classes * classes, dtype=torch.int64, device=labels.device)
    loss = torch.zeros((), dtype=torch.float64, device=labels.device)
    with torch.no_grad():
        for pixels, truth in whole_batches(images, labels, data.normalizer):
            logits = logits_of(model(pixels)).float()
            loss += functional.cross_entropy(logits, truth, reduction="sum")
            # A net may have more outputs than the data has classes, such as 1000 of ImageNet.
            guess = logits[:, :classes].argmax(1)
            counts += torch.bincount(truth * classes + guess, minlength=classes * classes)
    return counts.view(classes, classes).cpu(), float(loss) / len(labels)


def _row(i: int, classes: tuple[str, ...], confusion: Tensor) -> TestRow:
    images, called = int(confusion[i].sum()), int(confusion[:, i].sum())
    right = int(confusion[i, i])
    others = confusion[i].clone()
    others[i] = 0
    worst = int(others.argmax())
    return TestRow(
        path=classes[i],
        images=images,
        right=right,
        accuracy=right / images if images else None,
        precision=right / called if called else None,
        mostly_taken_for=f"{classes[worst]} ({int(others[worst])})" if others.any() else "",
    )


def _matrix(classes: tuple[str, ...], confusion: Tensor) -> list[str]:
    """Return the confusion matrix as lines, where it fits a screen."""
    if len(classes) > 20:
        return ["confusion matrix: in the JSON"]
    width = max(5, len(str(int(confusion.max()))))
    head = max(len(name) for name in (*classes, _CORNER))
    rows = [(_CORNER, [name[:width] for name in classes])]
    rows += zip(classes, confusion.tolist(), strict=True)
    lines = [
        (name.ljust(head), " ".join(str(n).rjust(width) for n in cells)) for name, cells in rows
    ]
    return ["", *map("  ".join, lines)]
