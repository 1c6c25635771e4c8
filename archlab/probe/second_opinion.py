"""What fvcore counts for the same model, and why it differs, operator by operator."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from archlab.errors import DependencyError, TraceError
from archlab.ir.kinds import Kind
from archlab.result import Column, Header, Missing, Result, Unit
from archlab.tracer.settings import same_random

# fvcore's operator -> our kinds that do the same work, and what to say where we count otherwise.
GROUPS: dict[str, tuple[tuple[str, ...], frozenset[Kind], str]] = {
    "convolution": (
        ("conv",),
        frozenset({Kind.CONV, Kind.CONV_TRANSPOSE}),
        "",
    ),
    "matrix products": (
        ("linear", "addmm", "matmul", "bmm", "mm", "einsum", "baddbmm"),
        frozenset({Kind.LINEAR, Kind.MATMUL, Kind.ATTENTION, Kind.RECURRENT}),
        "",
    ),
    "norms": (
        ("batch_norm", "layer_norm", "group_norm", "instance_norm"),
        frozenset(),
        "fvcore counts norms (2 to 5 per element); archlab keeps them in other FLOPs",
    ),
    "adaptive pooling": (
        ("adaptive_avg_pool2d",),
        frozenset(),
        "fvcore counts 1 per input element; archlab keeps pooling in other FLOPs",
    ),
    "resampling": (
        ("upsample_nearest2d", "upsample_bilinear2d", "grid_sampler"),
        frozenset(),
        "fvcore counts 1 to 4 per output element; archlab keeps resampling in other FLOPs",
    ),
}
# Operators that do multiply-adds and that fvcore skips without a number.
SKIPPED = ("scaled_dot_product_attention", "lstm", "gru", "rnn_tanh", "rnn_relu",
           "_transformer_encoder_layer_fwd", "_native_multi_head_attention", "deform_conv2d",
           "mv", "dot")  # fmt: skip


@dataclass(frozen=True, slots=True)
class AgainstTotals:
    """Both counts of the whole model; `difference` is fvcore minus archlab."""

    macs: int
    fvcore: int
    difference: int


@dataclass(frozen=True, slots=True)
class AgainstRow:
    """One group of operators: both counts, and why they differ."""

    path: str
    macs: int
    fvcore: int
    difference: int
    why: str


COLUMNS = (
    Column("path", "operators"),
    Column("macs", "archlab", Unit.SI),
    Column("fvcore", "fvcore", Unit.SI),
    Column("difference", "fvcore − archlab", Unit.SI),
    Column("why", "why"),
)


def against_fvcore(
    module: nn.Module,
    inputs: tuple[Sequence[Any], Mapping[str, Any]],
    header: Header,
    ours: Mapping[Kind, int],
    missing: tuple[Missing, ...],
) -> Result[AgainstTotals, AgainstRow]:
    """Return fvcore's count of one forward beside ours, by group of operators.

    Args:
        module: a copy that may be run, with values, in the mode of the header.
        inputs: what its forward gets, by position and by keyword.
        header: what our numbers hold for.
        ours: multiply-adds by kind.
        missing: what we did not count.

    Raises:
        DependencyError: fvcore is not installed.
        TraceError: fvcore cannot run the model.
    """
    args, kwargs = inputs
    runnable = _Positional(module, len(args), tuple(kwargs)) if kwargs else module
    try:
        theirs, skipped = _fvcore(runnable, (*args, *kwargs.values()))
    except DependencyError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise TraceError(
            f"fvcore cannot run {header.model}: {type(error).__name__}: {reason}. Its tracer "
            "(torch.jit.trace) takes tensors, and tuples or dictionaries of them, in and out."
        ) from error
    total = sum(theirs.values())
    rows = [_row(name, theirs, ours, skipped) for name in GROUPS]
    known = {name for names, _, _ in GROUPS.values() for name in names}
    rest = {name: count for name, count in theirs.items() if name not in known}
    rows += [
        AgainstRow(name, 0, count, count, "only fvcore counts it") for name, count in rest.items()
    ]
    mine = sum(ours.values())
    return Result(
        name="against",
        header=header,
        totals=AgainstTotals(mine, total, total - mine),
        rows=tuple(row for row in rows if row.macs or row.fvcore),
        columns=COLUMNS,
        missing=missing,
        footer=(
            f"archlab {mine:,} MACs, fvcore {total:,} (its `flops` are multiply-adds): "
            f"difference {total - mine:+,} ({100 * (total - mine) / mine if mine else 0:+.2f} %)",
            "fvcore counted nothing for: "
            + (", ".join(f"{name} ×{count}" for name, count in skipped.items()) or "-"),
        ),
    )


class _Positional(nn.Module):
    """Passes the last inputs by keyword: fvcore gives all of them by position."""

    def __init__(self, module: nn.Module, count: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module, self.count, self.names = module, count, names

    def forward(self, *inputs: Any) -> Any:
        """Call the module."""
        named = dict(zip(self.names, inputs[self.count :], strict=True))
        return self.module(*inputs[: self.count], **named)


def _fvcore(module: nn.Module, args: Sequence[Any]) -> tuple[dict[str, int], dict[str, int]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from fvcore.nn import FlopCountAnalysis  # here: only this question needs it
    except ImportError as error:
        raise DependencyError(f"fvcore is not installed: pip install fvcore ({error}).") from error
    with torch.no_grad(), _undisturbed():
        analysis = FlopCountAnalysis(module, tuple(args))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)  # noqa: FBT003
        counts = {name: int(count) for name, count in analysis.by_operator().items()}
        skipped = {
            name.removeprefix("aten::"): int(count)
            for name, count in analysis.unsupported_ops().items()
        }
    return counts, skipped


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep fvcore's warnings inside, and put the random states back: it runs the model."""
    logger = logging.getLogger("fvcore.nn.jit_analysis")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with same_random(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _row(
    name: str, theirs: Mapping[str, int], ours: Mapping[Kind, int], skipped: Mapping[str, int]
) -> AgainstRow:
    names, kinds, why = GROUPS[name]
    mine = sum(ours.get(kind, 0) for kind in kinds)
    their = sum(theirs.get(item, 0) for item in names)
    if kinds and their != mine:
        lost = [f"{item} ×{skipped[item]}" for item in SKIPPED if item in skipped]
        why = (
            f"fvcore skips {', '.join(lost)}"
            if lost and their < mine
            else ("fvcore follows another path through the model")
        )
    return AgainstRow(name, mine, their, their - mine, why if their != mine else "")
