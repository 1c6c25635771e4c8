"""Curves from files alone: the degradation figure of a sweep, and the curves of single runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from archlab.errors import OptionError, RunError, check_one_of
from archlab.picture.picture import Picture
from archlab.result import unique_names
from archlab.runs import ledger, logs
from archlab.runs.gap import is_number
from archlab.runs.ledger import Run
from archlab.runs.names import PARTS, WANTED, Column, columns as log_columns
from archlab.runs.published import beside, images_name
from archlab.runs.record import METRICS, PLAN, Measurement
from archlab.runs.verdict import chance, judged
from archlab.verb import verb
from archlab.view.figure.frame import Words
from archlab.view.figure.over_time import HeatFigure, heat as draw_heat
from archlab.view.figure.training import Bracket, CurveFigure, Line, Panel, curves as draw

STYLES = ("fig6", "fig1")
_LATE = 0.6  # the share of the steps behind which errors have most of the scale


@verb
def curves(*folders: str | Path, style: str = "fig6") -> Picture:
    """Return a picture of training, from the files of finished or running runs.

    Args:
        *folders: one sweep of `degradation`; or runs, or folders of logs. Of `lightning_logs` the
            newest version_N is taken, and the title says which.
        style: of a sweep: fig6 has a panel a kind, training error dashed and test error bold;
            fig1 has training error on the left and test error on the right.

    Raises:
        RunError: a folder that holds no logs, or whose logs name no loss and no accuracy.
        OptionError: an unknown style, or a sweep among other folders.

    Example:
        >>> curves("runs/degradation-demo").save("curve.svg")  # doctest: +SKIP
    """
    check_one_of("style", style, STYLES)
    places = [Path(folder) for folder in folders]
    if not places:
        raise OptionError("No run to draw: give a folder.")
    if len(places) == 1 and (places[0] / ledger.SWEEP).is_file():
        return Picture(partial(draw, _sweep(places[0], style)))
    for place in places:
        if (place / ledger.SWEEP).is_file():
            raise OptionError(f"{place} is a sweep: draw it alone, or name runs in it.")
    return Picture(partial(draw, _runs(places)))


class TrainingCurve:
    """Loss and accuracy of a folder of logs or of a run of ours.

    Args:
        path: `lightning_logs/version_0`, `lightning_logs` for its newest version, or a run's
            folder.

    Attributes:
        path: the folder that was read.
        series: steps and values of everything that is logged there, by its name.

    Raises:
        RunError: the folder is absent or holds no log, or names no loss and no accuracy.

    Example:
        >>> TrainingCurve("lightning_logs/version_0").plot("curve.svg")  # doctest: +SKIP
        PosixPath('curve.svg')
    """

    def __init__(self, path: str | Path) -> None:
        self._given = Path(path)
        self.path = _place(self._given)
        # Read at once, so that a folder without logs is an error here and not when it is shown.
        self.series = read_series(self.path)
        _columns(self.path)

    @property
    def picture(self) -> Picture:
        """The curves as a picture."""
        return curves(self._given)

    def plot(self, out: str | Path | None = None) -> Path:
        """Draw the curves into a file and return its path.

        Args:
            out: the file, .svg, .png or .pdf; curves.svg in the folder by default.

        Raises:
            OptionError: a suffix that is no picture format.
            OutputError: the file cannot be written.
        """
        return self.picture.save(out or self.path / "curves.svg")

    def _repr_svg_(self) -> str:
        return self.picture.svg


def gradient_heat(folder: str | Path) -> Picture:
    """Return the gradient profile of a run as a picture: steps × blocks, logarithmic colours."""
    from archlab.train.gradients import read_gradients  # here: torch, which curves do without

    place = Path(folder)
    rows = read_gradients(place)
    steps = sorted({row.step for row in rows})
    blocks = sorted({row.block for row in rows})
    names = {row.block: row.path for row in rows}
    # NaN is drawn as a hole, for a block that no gradient reached.
    values = np.full((len(blocks), len(steps)), np.nan)
    for row in rows:
        if row.activation_grad is not None:
            values[blocks.index(row.block), steps.index(row.step)] = row.activation_grad
    plan = ledger.read_run(place).plan
    content = HeatFigure(
        Words(f"Gradients by depth: {plan.model}", plan.data_name, plan.recipe.sentence()),
        steps,
        [names[block] for block in blocks],
        values,
        "‖dL/d(output of the block)‖",
    )
    return Picture(partial(draw_heat, content))


def read_series(folder: Path) -> logs.Series:
    """Return the series of one run: ours, or from Lightning's CSV or TensorBoard logs."""
    if (folder / PLAN).is_file() and (folder / METRICS).is_file():
        rows = ledger.read_run(folder).rows
        if not rows:
            raise RunError(f"{folder} has measured nothing yet.")
        steps = [float(row.step) for row in rows]
        values: dict[str, Callable[[Measurement], float]] = {
            "train_loss": lambda row: row.loss,
            "test_loss": lambda row: row.test_loss,
            "train_acc": lambda row: 1 - row.train_error / 100,
            "test_acc": lambda row: 1 - row.test_error / 100,
        }
        return {name: (steps, [value(row) for row in rows]) for name, value in values.items()}
    return logs.read_logs(folder)


def _sweep(folder: Path, style: str) -> CurveFigure:
    every = ledger.read_sweep(folder)
    runs = [run for run in every if run.rows]
    if not runs:
        raise RunError(f"No run of {folder} has measured anything yet.")
    kinds = sorted({run.plan.kind for run in runs})
    guessing = chance(runs)
    top, knee = _scale(runs, guessing)
    scale: Any = {"top": top, "knee": knee, "chance": guessing}
    joined = _brackets(every, style)
    if style == "fig6":
        panels = [
            Panel(kind, "error (%)",
                  _lines([run for run in runs if run.plan.kind == kind], both=True),
                  brackets=joined.get(kind, ()), **scale)
            for kind in kinds
        ]  # fmt: skip
    else:
        both = [bracket for kind in kinds for bracket in joined.get(kind, ())]
        panels = [
            Panel("training", "training error (%)", _lines(runs, part="train"),
                  brackets=both, **scale),
            Panel("test", "test error (%)", _lines(runs, part="test"), **scale),
        ]  # fmt: skip
    return CurveFigure(_words(runs, style, panels), panels)


def _images(run: Run) -> str:
    """Return the images' name as people say it."""
    name = images_name(run) or run.plan.data_name
    return name.replace(" subset, ", " at ")


def _words(runs: Sequence[Run], style: str, panels: Sequence[Panel]) -> Words:
    seeds = len({run.plan.seed for run in runs})
    band = f"mean of {seeds} seeds, band: lowest to highest" if seeds > 1 else "one seed"
    bold = "test bold, training dashed" if style == "fig6" else "plain bold, residual dashed"
    lines = [line for panel in panels for line in panel.lines]
    notes = ["Training error: running, over augmented batches"]
    if _any(lines, "end"):
        notes.append("● in eval mode, last step: the gaps are of these")
    if _any(lines, "published"):
        notes.append("◇ published test error, recipe paper")
    made = " · ".join([runs[0].plan.recipe.sentence(), *_times(runs)])
    title = f"Does depth help? {_images(runs[0])}"
    return Words(title, f"{bold} · {band}", f"{' · '.join(notes)}\n{made}")


def _any(lines: Sequence[Line], mark: str) -> bool:
    return any(getattr(line, mark) is not None for line in lines)


def _times(runs: Sequence[Run]) -> list[str]:
    """Return how long the finished runs took, and on what."""
    ended = [run.outcome for run in runs if run.outcome.status == "done"]
    if not ended:
        return []
    seconds = [end.seconds for end in ended]
    size, unit = (60, "min") if max(seconds) >= 120 else (1, "s")
    # Two digits of a few minutes, all of many.
    bounds = (bound / size for bound in (min(seconds), max(seconds)))
    low, high = (f"{bound:.0f}" if bound >= 10 else f"{bound:.2g}" for bound in bounds)
    many = low if low == high else f"{low} to {high}"
    places = sorted({end.hardware for end in ended if end.hardware})
    return [f"{many} {unit} a run on {' and '.join(places)}" if places else f"{many} {unit} a run"]


def _brackets(runs: Sequence[Run], style: str) -> dict[str, list[Bracket]]:
    """Return by kind what joins the names of the deepest and the shallowest training line."""
    depths = sorted({run.plan.depth for run in runs})
    if len(depths) < 2:
        return {}
    totals = judged(runs).totals
    found: dict[str, list[Bracket]] = {}
    for kind, gap in (("plain", totals.plain_gap), ("residual", totals.residual_gap)):
        names = [f"{depth} train" if style == "fig6" else f"{kind}-{depth}" for depth in depths]
        if gap is not None:
            size = f"{gap:+.1f}".replace("-", "−") if abs(gap) >= 0.05 else "0.0"
            found[kind] = [Bracket(names[0], names[-1], f"gap\n{size}")]
    return found


def _lines(runs: Sequence[Run], part: str = "", *, both: bool = False) -> list[Line]:
    nets = sorted({(run.plan.depth, run.plan.kind) for run in runs})
    depths = sorted({depth for depth, _ in nets})
    lines = []
    for depth, kind in nets:
        group = [run for run in runs if (run.plan.depth, run.plan.kind) == (depth, kind)]
        colour = depths.index(depth)
        if both:
            lines += [_line(f"{depth} train", group, "train", colour, bold=False),
                      _line(f"{depth} test", group, "test", colour)]  # fmt: skip
        else:
            lines.append(_line(f"{kind}-{depth}", group, part, colour, bold=kind == "plain"))
    return lines


def _line(name: str, runs: Sequence[Run], part: str, colour: int, *, bold: bool = True) -> Line:
    # As the paper plots it: the running error over augmented batches.
    name_of = {"train": "running_error", "test": "test_error"}[part]
    values = [{row.step: getattr(row, name_of) for row in run.rows} for run in runs]
    # While a sweep runs, its seeds are at different steps: a mean over fewer would jump.
    steps = sorted(set.intersection(*(set(by_step) for by_step in values)))
    at = [[by_step[step] for by_step in values] for step in steps]
    ends = [run.outcome.train_error for run in runs if run.outcome.status == "done"]
    known = [error for error in ends if is_number(error)]
    is_whole = part == "train" and len(known) == len(runs)
    return Line(
        name, steps, [statistics.fmean(each) for each in at], [min(each) for each in at],
        [max(each) for each in at], colour, bold,
        end=statistics.fmean(known) if is_whole else None,
        published=next((row.reference for row in beside(runs)), None) if part == "test" else None,
    )  # fmt: skip


def _scale(runs: Sequence[Run], guessing: float) -> tuple[float, float | None]:
    """Return the top of the scale, above all that was measured, and its knee where it needs one."""
    errors = [
        (row.step, error)
        for run in runs
        for row in run.rows
        for error in (row.running_error, row.test_error)
        if is_number(error)
    ]
    top = 1.05 * max([guessing, *(error for _, error in errors)])
    last = max((step for step, _ in errors), default=0)
    late = [error for step, error in errors if step >= _LATE * last]
    knee = 5 * math.ceil(1.1 * max(late, default=top) / 5)
    # A scale of one piece is easier to read, and good enough where the ends take half of it.
    return top, None if knee > top / 2 else max(knee, 5)


def labels(folders: Sequence[Path]) -> list[str]:
    """Return a name a folder: as much of the end of its path as tells them all apart.

    Example:
        >>> labels([Path("runs/a/version_0"), Path("runs/b/version_0")])
        ['a/version_0', 'b/version_0']
        >>> labels([Path("runs/a"), Path("runs/a")])  # the same one twice
        ['a', 'a #2']
    """
    # Lightning calls every folder version_0: such names need their parents to be told apart.
    whole = [folder.absolute().parts for folder in folders]
    for count in range(1, max(map(len, whole), default=0) + 1):
        names = ["/".join(parts[-count:]) for parts in whole]
        # The same folder twice stays ambiguous at any length: those get a number.
        if len(set(names)) == len(set(whole)):
            return unique_names(names)
    return unique_names([folder.name for folder in folders])


def _place(folder: Path) -> Path:
    """Return the folder that is read: a run of ours itself, of others the one with the log."""
    return folder if (folder / PLAN).is_file() else logs.folder_of(folder)


def _columns(folder: Path) -> tuple[Column, ...]:
    """Return the losses and accuracies of one run; RunError where its log names none."""
    series = read_series(folder)
    found = log_columns(series)
    if not found:
        held = ", ".join(list(series)[:12]) + (", …" if len(series) > 12 else "")
        raise RunError(
            f"{folder} logs no loss and no accuracy: it has {held}. Understood are {WANTED}."
        )
    return found


def _runs(folders: Sequence[Path]) -> CurveFigure:
    """Return loss and accuracy of one or more runs: a colour a run, or a colour a part of one."""
    places = [_place(folder) for folder in folders]
    runs, names = [_columns(place) for place in places], labels(places)
    panels, single = [], len(places) == 1
    for quantity, label in (("loss", "loss"), ("acc", "accuracy")):
        lines = []
        for i, columns in enumerate(runs):
            for column in columns:
                if column.quantity != quantity:
                    continue
                (steps, values), part = column.points, column.part
                name = part if single else f"{names[i]} {part}"
                colour = PARTS.index(part) if single else i
                lines.append(Line(name, steps, values, values, values, colour, part != "train"))
        panels.append(Panel(label, label, lines, 1.0 if quantity == "acc" else None))
    title = f"{len(places)} runs"
    if single:
        taken = places[0].relative_to(folders[0].parent)
        title = str(taken) if places != list(folders) else folders[0].name
    source = ""
    if single and any(column.name != f"{column.part}_{column.quantity}" for column in runs[0]):
        source = "From " + ", ".join(column.name for column in runs[0])
    words = Words(title, "training dashed, validation and test bold", source)
    units = sorted({logs.unit(place) for place in places})
    return CurveFigure(words, panels, " or ".join(units), same_scale=False)
