"""What fvcore counts for the same model, and why it differs, operator by operator."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import nn

from archlab.contain import contained
from archlab.errors import DependencyError, TraceError
from archlab.ir.kinds import Kind
from archlab.result import Header, Missing, Result, Unit, columns
from archlab.tracer.settings import same_random

# By group: fvcore's operators, archlab's kinds that do the same work, and why counts differ.
GROUPS: dict[str, tuple[tuple[str, ...], frozenset[Kind], str]] = {
    "convolution": (("conv",), frozenset({Kind.CONV, Kind.CONV_TRANSPOSE}), ""),
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
# Operators with multiply-adds that fvcore leaves out of its count.
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

    path: Annotated[str, "operators"]
    macs: Annotated[int, "archlab", Unit.SI]
    fvcore: Annotated[int, "fvcore", Unit.SI]
    difference: Annotated[int, "fvcore − archlab", Unit.SI]
    why: Annotated[str, "why"]


def against_fvcore(
    module: nn.Module,
    inputs: tuple[Sequence[Any], Mapping[str, Any]],
    header: Header,
    ours: Mapping[Kind, int],
    missing: tuple[Missing, ...],
) -> Result[AgainstTotals, AgainstRow]:
    """Return fvcore's count of one forward beside archlab's, by group of operators.

    `module` is a copy that may be run, with values, in the mode of the header. `ours` are archlab's
    multiply-adds by kind.

    Raises:
        DependencyError: fvcore is not installed.
        TraceError: fvcore cannot run the model.
    """
    args, kwargs = inputs
    runnable = _Positional(module, len(args), tuple(kwargs)) if kwargs else module
    try:
        with contained():
            theirs, skipped = _fvcore(runnable, (*args, *kwargs.values()))
    except DependencyError:
        raise
    except Exception as error:
        reason = str(error).strip().split("\n")[0]
        raise TraceError(
            f"fvcore cannot run {header.model}: {type(error).__name__}: {reason}. Its tracer "
            "(torch.jit.trace) takes tensors, and tuples or dictionaries of them, in and out."
        ) from error
    rows = [_row(name, theirs, ours, skipped) for name in GROUPS]
    grouped = {name for names, _, _ in GROUPS.values() for name in names}
    rows += [
        AgainstRow(name, 0, count, count, "only fvcore counts it")
        for name, count in theirs.items()
        if name not in grouped
    ]
    macs, total = sum(ours.values()), sum(theirs.values())
    difference = total - macs
    return Result(
        name="against",
        header=header,
        totals=AgainstTotals(macs, total, difference),
        rows=tuple(row for row in rows if row.macs or row.fvcore),
        columns=columns(AgainstRow),
        missing=missing,
        footer=(
            f"archlab {macs:,} MACs, fvcore {total:,} (its `flops` are multiply-adds): "
            f"difference {difference:+,} ({100 * difference / macs if macs else 0:+.2f} %)",
            "fvcore counted nothing for: "
            + (", ".join(f"{name} ×{count}" for name, count in skipped.items()) or "-"),
        ),
    )


class _Positional(nn.Module):
    """Passes the last inputs on by keyword, since fvcore gives all of them by position."""

    def __init__(self, module: nn.Module, count: int, names: tuple[str, ...]) -> None:
        super().__init__()
        self.module, self.count, self.names = module, count, names

    def forward(self, *inputs: Any) -> Any:
        """Call the module."""
        named = dict(zip(self.names, inputs[self.count :], strict=True))
        return self.module(*inputs[: self.count], **named)


def _fvcore(module: nn.Module, args: Sequence[Any]) -> tuple[dict[str, int], dict[str, int]]:
    try:
        # Here, as nothing else needs fvcore.
        with warnings.catch_warnings(action="ignore"):
            from fvcore.nn import FlopCountAnalysis
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
    """Silence fvcore, and put back the random states, since it runs the model."""
    logger = logging.getLogger("fvcore.nn.jit_analysis")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with same_random(), warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _row(
    name: str, theirs: Mapping[str, int], ours: Mapping[Kind, int], skipped: Mapping[str, int]
) -> AgainstRow:
    names, kinds, why = GROUPS[name]
    macs = sum(ours.get(kind, 0) for kind in kinds)
    count = sum(theirs.get(operator, 0) for operator in names)
    if kinds and count != macs:
        omitted = [f"{each} ×{skipped[each]}" for each in SKIPPED if each in skipped]
        why = "fvcore follows another path through the model"
        if omitted and count < macs:
            why = f"fvcore skips {', '.join(omitted)}"
    return AgainstRow(name, macs, count, count - macs, why if count != macs else "")
