"""Gradient norms by depth every N steps of a run, by the probe: gradients.csv in its folder."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from archlab import files
from archlab.errors import RunError, keyword
from archlab.probe.blocks import find_blocks
from archlab.probe.gradients import Batch, measure_gradients
from archlab.quoting import csv_text
from archlab.runs import record
from archlab.train.module import total_loss
from archlab.train.recorded import RecordedClassifier


@dataclass(frozen=True, slots=True)
class GradientRow:
    """One block at one step: L2 norms; None where there is nothing to speak of."""

    step: int
    block: int
    path: str
    activation_grad: float | None
    weight_grad: float | None
    grad_to_weight: float | None


class GradientProfiles(pl.Callback):
    """Measures gradients at every block of the net, on the batch of every N-th step.

    The probe leaves weights, statistics and random streams as they were: a run ends with the same
    weights with it and without.
    """

    def __init__(self, folder: Path, every: int) -> None:
        self.folder, self.every = folder, every
        self.rows: list[GradientRow] = []

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, for a resumed run."""
        return {"rows": [asdict(row) for row in self.rows]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue with the rows of a checkpoint."""
        self.rows = [GradientRow(**row) for row in state_dict["rows"]]

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Measure, where it is time."""
        assert isinstance(pl_module, RecordedClassifier)
        step = trainer.global_step
        # The first step shows the net as it was built.
        if step != 1 and step % self.every:
            return
        images, labels = pl_module.last_batch(batch)
        net, measured = pl_module.model, Batch((images,), targets=labels)
        names = [part.name for part in fields(GradientRow)[1:]]
        for point in measure_gradients(net, measured, total_loss, blocks=find_blocks(net)).points:
            self.rows.append(GradientRow(step, *(getattr(point, name) for name in names)))
        files.write(self.folder / record.GRADIENTS, files.as_csv(self.rows, GradientRow))


def read_gradients(folder: Path) -> tuple[GradientRow, ...]:
    """Return the rows of a run's gradients.csv; RunError where it is absent or damaged."""
    path = folder / record.GRADIENTS
    if not path.is_file():
        raise RunError(
            f"{folder} holds no {record.GRADIENTS}: train with {keyword('gradients')} N, the steps "
            "between measurements."
        )
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(map(_row, csv.DictReader(file)))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _row(line: dict[str, str]) -> GradientRow:
    names = ("activation_grad", "weight_grad", "grad_to_weight")
    norms = (float(line[name]) if line[name] else None for name in names)
    return GradientRow(int(line["step"]), int(line["block"]), csv_text(line["path"]), *norms)
