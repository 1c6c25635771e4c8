"""The verb `report`: one page about a model, several side by side, or a sweep."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, cast

from archlab.api.page.of_runs import is_runs, runs_page
from archlab.errors import OptionError, check_type, keyword
from archlab.files import write
from archlab.result import unique_names, with_times
from archlab.verb import Progress, verb
from archlab.version import __version__
from archlab.view.page import Page, Part, Section, page

if TYPE_CHECKING:
    from archlab.api.model import Model, ModelLike

SUFFIXES = (".html", ".htm")


@dataclass(frozen=True)
class Report:
    """A page that stands alone: no file beside it, no network.

    Attributes:
        title: what it is about.
        html: the whole page.

    Example:
        >>> Report("resnet20", "<!doctype html>")
        Report('resnet20', 0 kB)
    """

    title: str
    html: str

    def save(self, path: str | Path) -> Path:
        """Write the page, whole or not at all, and return the path.

        Args:
            path: a file that ends in .html or .htm.

        Raises:
            OptionError: no file name, or a suffix other than .html or .htm.
            OutputError: the file cannot be written.
        """
        check_type("path", path, (str, PathLike), "the name of a file")
        path = Path(path)
        if path.suffix.lower() not in SUFFIXES:
            raise OptionError(f"{path}: a report is a page. Allowed: {', '.join(SUFFIXES)}.")
        write(path, self.html)
        return path

    def __repr__(self) -> str:
        return f"Report({self.title!r}, {len(self.html.encode()) / 1000:.0f} kB)"

    def _repr_html_(self) -> str:
        """Show the page in a notebook, in a frame of its own."""
        text = escape(self.html, quote=True)
        return f'<iframe srcdoc="{text}" style="width:100%;height:52rem;border:0"></iframe>'


@verb
def report(
    *subjects: ModelLike | Path,
    gradients: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Report:
    """Return one self-contained page: drawing, modules, cost, receptive field, savings, coverage.

    With several models they stand side by side, below a table of what differs. The folder of a
    sweep gives the degradation report: curves, verdict, runs.

    Args:
        *subjects: specs, modules or loaded models; or one folder that `degradation` or
            `train_model` wrote.
        gradients: also measure gradients at initialisation; the models are run.
        command: what is said of how the page was made; by default this call.
        progress: called with (done, total, what comes next).

    Raises:
        OptionError: nothing to report on, a folder together with models, gradients of a folder, or
            a value of a wrong type.
        RunError: a folder that holds no sweep and no run.
        SpecError, BuildError, TraceError, ProbeError: as for `load`, `trace`, `gradients`.

    Example:
        >>> page = report("resnet20")
        >>> page.title
        'resnet20'
        >>> len(page.html) < 400_000
        True
    """
    check_type("gradients", gradients, bool, "True or False")
    check_type("command", command, str, "a text")
    if progress is not None and not callable(progress):
        raise OptionError(f"{keyword('progress', progress)}: a function is wanted.")
    folders = [Path(str(subject)) for subject in subjects if is_runs(subject)]
    if not subjects:
        raise OptionError("Nothing to report on: give a model, or the folder of a sweep.")
    if folders and len(subjects) > 1:
        raise OptionError(
            f"{folders[0]} is a folder of runs: it has a report of its own. "
            "Give one folder, or models."
        )
    if folders and gradients:
        raise OptionError(
            f"{keyword('gradients')}: nothing is measured for a folder of runs. Its gradients are "
            "drawn where a run recorded them."
        )
    if folders:
        content = runs_page(folders[0], _made(command or f"archlab.report({str(folders[0])!r})"))
    else:
        from archlab.api.model import load  # here: torch, which a folder of runs does without

        loaded = [load(subject) for subject in cast("Sequence[ModelLike]", subjects)]
        call = command or f"archlab.report({', '.join(repr(model.name) for model in loaded)})"
        content = _models_page(loaded, call, progress, gradients=gradients)
    return Report(content.title, page(content))


def _models_page(
    models: Sequence[Model], call: str, progress: Progress | None, *, gradients: bool
) -> Page:
    from archlab.api.page.of_model import model_part, profile_section

    alone = len(models) == 1
    # One step more than there are models: the layout of their drawings comes last.
    names = unique_names([model.name for model in models])
    parts: list[Part] = []
    for i, (name, model) in enumerate(zip(names, models, strict=True)):
        if progress is not None:
            progress(i, len(models) + 1, name)
        part = model_part(model, gradients=gradients, alone=alone)
        parts.append(replace(part, title=name))
    if progress is not None:
        progress(len(models), len(models) + 1, "layout")
    if alone:
        lead, before = "What it costs, what it sees, and how it is built.", []
    else:
        lead = "Side by side: what they share, and where they differ."
        before = _differences(models, names)
        before += [profile_section(models)] if gradients else []
    return Page(" · ".join(names), lead, tuple(parts), tuple(before), _made(call))


def _differences(models: Sequence[Model], names: Sequence[str]) -> list[Section]:
    from archlab.api.cost import compare
    from archlab.api.field.growth import growth_picture

    comparison = compare(*models)
    table = comparison.table()
    words = [f"Ratios are to {names[0]}; ≠ marks what differs from it."]
    words += [f"{with_times(each[:1].upper() + each[1:])}." for each in comparison.differences]
    # The words above the table say these lines of its footer, too.
    footer = table.footer[1 + len(comparison.differences) :]
    sections = [Section("Differences", words, table=replace(table, footer=footer))]
    try:
        figure = growth_picture(models).svg
    except OptionError:
        return sections
    title = "Receptive field by depth"
    return [*sections, Section(title, figure=figure, alt=f"{title}: {', '.join(names)}")]


def _made(command: str) -> tuple[tuple[str, str], ...]:
    # From the metadata, because a report of finished runs imports no torch.
    versions = (
        f"archlab {__version__}, torch {version('torch')}, Python {platform.python_version()}"
    )
    return (("command", command), ("versions", versions))
