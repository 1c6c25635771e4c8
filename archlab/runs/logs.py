"""Lightning's own logs as series: metrics.csv of its CSVLogger, or TensorBoard event files."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from archlab.errors import RunError

PARTS = ("train", "val", "test")
Series = dict[str, tuple[list[float], list[float]]]  # name -> steps, values


def read_logs(folder: Path) -> Series:
    """Return every logged quantity of a folder such as version_0; RunError where there is none."""
    if not folder.is_dir():
        raise RunError(f"There is no folder {folder}.")
    table = folder / "metrics.csv"
    if table.is_file():
        series = _from_csv(table)
    elif any(folder.glob("events.out.tfevents.*")):
        series = _from_events(folder)
    else:
        content = ", ".join(sorted(path.name for path in folder.iterdir())[:6]) or "nothing"
        raise RunError(
            f"{folder} holds no logs: looked for metrics.csv and events.out.tfevents.* (it "
            f"holds: {content}). Lightning writes to lightning_logs/version_0, version_1 …"
        )
    if not series:
        raise RunError(f"{folder} holds a log without a single number.")
    return series


def _from_csv(path: Path) -> Series:
    series: Series = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            # A line has what was logged at its step; other cells are empty. Hyperparameters may be
            # logged without a step.
            for line in csv.DictReader(file):
                step = float(line.get("step") or "nan")
                for name, text in line.items():
                    if name not in ("step", "epoch") and text and math.isfinite(step):
                        _add(series, name, step, float(text))
    except (ValueError, TypeError, AttributeError, csv.Error) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    return series


def _from_events(folder: Path) -> Series:
    # Here: 1 s, only for TensorBoard's own files.
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    series: Series = {}
    for name in events.Tags()["scalars"]:
        for event in events.Scalars(name):
            _add(series, name, float(event.step), float(event.value))
    return series


def _add(series: Series, name: str, step: float, value: float) -> None:
    steps, values = series.setdefault(name, ([], []))
    steps.append(step)
    values.append(value)
