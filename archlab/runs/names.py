"""What the columns of a log mean: `train/loss`, `valid_acc`, `MulticlassAccuracy`.

A name is taken apart into words. One of them says what is measured, one may say on which images;
others that add nothing (`epoch`, `multiclass`) are passed over, and any further word makes a name
less likely than one without.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from archlab.runs.logs import Points, Series

PARTS = ("train", "val", "test")
_PART = {
    "train": "train", "training": "train", "tr": "train", "fit": "train",
    "val": "val", "valid": "val", "validation": "val", "eval": "val", "evaluation": "val",
    "dev": "val", "test": "test", "testing": "test",
}  # fmt: skip
_LOSS, _ACCURACY, _ERROR = {"loss"}, {"acc", "accuracy", "top", "prec"}, {"err", "error"}
_QUANTITIES = _LOSS | _ACCURACY | _ERROR
_SPAN = {"epoch": 0, "step": 2}  # the mean of an epoch comes before the values of single steps
_IDLE = {
    "average", "avg", "binary", "categorical", "logs", "mean", "metric", "metrics", "multiclass",
    "overall", "running", "score", "sparse", "total", *_SPAN,
}  # fmt: skip
# The best until now is no curve; auxiliary heads are no part of what is compared.
_OTHER = {"aux", "auxiliary", "best", "max", "min"}
WANTED = (
    "names such as train_loss, val/accuracy, test_top1 or loss: train, val (valid, validation, "
    "eval, dev) or test, beside loss, accuracy (acc, top1) or error"
)


@dataclass(frozen=True)
class Column:
    """One quantity of a log: what it is and the name that it was logged by."""

    part: str  # train, val or test
    quantity: str  # loss or acc; an accuracy is from 0 to 1
    name: str
    points: Points


@dataclass(frozen=True)
class _Reading:
    part: str  # empty where the name says none
    quantity: str
    is_error: bool
    unknown: int
    span: int
    name: str
    points: Points

    def rank(self, *, fully: bool) -> tuple[object, ...]:
        rank = (self.unknown, not self.part, self.is_error, self.span)
        return (*rank, -len(self.points[1]), len(self.name), self.name) if fully else rank


_IN_PERCENT = frozenset({"train_top1", "eval_top1"})  # timm writes these so


def columns(log: Series) -> tuple[Column, ...]:
    """Return the losses and accuracies of a log, one for each part and quantity at most.

    A name without a part is of the training images, as Keras has it; an accuracy without one is
    left out beside a `train_loss`, because fastai names the validation's so. An error is shown as
    the accuracy that it leaves. Where one of the log's accuracies is above 1, all are in percent;
    under the names that timm gives them they always are.

    Example:
        >>> log = {"loss": ([1.0], [2.0]), "val/Top1": ([1.0], [75.0])}
        >>> [(column.part, column.quantity, column.points) for column in columns(log)]
        [('train', 'loss', ([1.0], [2.0])), ('val', 'acc', ([1.0], [0.75]))]
    """
    readings = [reading for name, points in log.items() for reading in _readings(name, points)]
    spelled = any((each.part, each.quantity) == ("train", "loss") for each in readings)
    chosen = []
    for part in PARTS:
        for quantity in ("loss", "acc"):
            bare = part == "train" and not (quantity == "acc" and spelled)
            fitting = [
                each for each in readings
                if each.quantity == quantity and (each.part == part or (bare and not each.part))
            ]  # fmt: skip
            if best := _best(fitting):
                chosen.append((part, best))
    rates = [value for _, each in chosen if each.quantity == "acc" for value in each.points[1]]
    percent = any(value > 1.01 for value in rates) or not _IN_PERCENT.isdisjoint(log)
    whole = 100.0 if percent else 1.0
    return tuple(
        Column(part, each.quantity, each.name, _points(each, whole)) for part, each in chosen
    )


def _best(readings: list[_Reading]) -> _Reading | None:
    """Return the likeliest; None where several have other words, such as terms of a loss."""
    if not readings:
        return None
    best = min(readings, key=lambda each: each.rank(fully=True))
    rivals = [each for each in readings if each.rank(fully=False) == best.rank(fully=False)]
    return None if best.unknown and len(rivals) > 1 else best


def _readings(name: str, points: Points) -> Iterator[_Reading]:
    """Yield what a name means; nothing where it names no loss and no accuracy."""
    # Lightning adds the number of the data loader where there are several; the first is the data.
    plain = re.sub(r"/dataloader_idx_0$", "", name)
    text = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", plain)
    words = list(dict.fromkeys(word.lower() for word in text if word.lower() != "at"))
    parts = {_PART[word] for word in words if word in _PART}
    named = [word for word in words if word in _QUANTITIES]
    if len(parts) > 1 or not named or not _OTHER.isdisjoint(words) or _is_top_k(words):
        return
    kinds = {"loss" if word in _LOSS else "acc" for word in named}
    if len(kinds) > 1:
        return
    (quantity,) = kinds
    if quantity == "acc" and any(not -0.01 <= value <= 101 for value in _finite(points)):
        return
    known = _QUANTITIES | _IDLE | set(_PART) | ({"1"} if quantity == "acc" else set())
    yield _Reading(
        part=next(iter(parts), ""),
        quantity=quantity,
        is_error=not _ERROR.isdisjoint(named),
        unknown=sum(word not in known for word in words),
        span=min((_SPAN[word] for word in words if word in _SPAN), default=1),
        name=name,
        points=points,
    )


def _is_top_k(words: list[str]) -> bool:
    """Whether the words are of the accuracy among the first 5, or so: top5, acc@5, top_k."""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in ("top", "prec") and after != "1":
            return True
        if word in _ACCURACY and after.isdecimal() and after != "1":
            return True
    return False


def _finite(points: Points) -> list[float]:
    return [value for value in points[1] if math.isfinite(value)]


def _points(reading: _Reading, whole: float) -> Points:
    steps, values = reading.points
    if reading.quantity == "loss":
        return steps, values
    shares = [value / whole for value in values]
    return steps, [1 - share for share in shares] if reading.is_error else shares
