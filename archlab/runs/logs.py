"""Logs as series: metrics.csv of Lightning's CSVLogger, timm's summary.csv, TensorBoard's files."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

from archlab.errors import RunError

TABLES = ("metrics.csv", "summary.csv")  # Lightning's and timm's
EVENTS = "events.out.tfevents.*"
Points = tuple[list[float], list[float]]  # steps, values
Series = dict[str, Points]  # by name


def folder_of(folder: Path) -> Path:
    """Return the folder that holds a log: itself, or the newest version_N in it that does.

    `lightning_logs`, and the folder that it lies in, hold a folder for each run of a Trainer.
    """
    if _holds_log(folder):
        return folder
    versions = [
        (int(found[1]), path)
        for place in (folder, folder / "lightning_logs") if place.is_dir()
        for path in place.iterdir()
        if (found := re.fullmatch(r"version_(\d+)", path.name)) and _holds_log(path)
    ]  # fmt: skip
    return max(versions)[1] if versions else folder


def _holds_log(folder: Path) -> bool:
    return folder.is_dir() and (bool(_tables(folder)) or any(folder.glob(EVENTS)))


def _tables(folder: Path) -> list[Path]:
    return [folder / name for name in TABLES if (folder / name).is_file()]


def read_logs(folder: Path) -> Series:
    """Return every logged quantity of a folder such as version_0; RunError where there is none.

    Steps are epochs where a table counts no steps.
    """
    if not folder.is_dir():
        raise RunError(f"There is no folder {folder}.")
    if tables := _tables(folder):
        series = _from_csv(tables[0])
    elif any(folder.glob(EVENTS)):
        series = _from_events(folder)
    else:
        content = ", ".join(sorted(path.name for path in folder.iterdir())[:6]) or "nothing"
        raise RunError(
            f"{folder} holds no logs: looked for {', '.join(TABLES)} and {EVENTS} (it "
            f"holds: {content}). Lightning writes to lightning_logs/version_0, version_1 …"
        )
    if not series:
        raise RunError(f"{folder} holds a log without a single number.")
    return series


def unit(folder: Path) -> str:
    """Return what a log counts: steps, or epochs where its table has no column of steps."""
    if tables := _tables(folder):
        with tables[0].open(newline="", encoding="utf-8-sig") as file:
            return "steps" if "step" in next(csv.reader(file), ()) else "epochs"
    return "steps"


def _from_csv(path: Path) -> Series:
    series: Series = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            # A line has what was logged at its step; other cells are empty. Hyperparameters may be
            # logged without a step.
            reader = csv.DictReader(file)
            names = reader.fieldnames or ()
            counter = "step" if "step" in names else "epoch"
            if names and counter not in names:
                raise RunError(
                    f"{path} has no column `step` or `epoch`, by which its values could be drawn. "
                    f"It has {', '.join(list(names)[:8])}."
                )
            for line in reader:
                step = float(line.get(counter) or "nan")
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
