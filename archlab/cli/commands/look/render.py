"""`archlab render MODEL`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.command import Typed
from archlab.cli.options import Loading, Mode, constant, listed, model_names
from archlab.cli.output import check_file, file_of, put, suffixes
from archlab.cli.streams import answer, has_colours, is_terminal, say, terminal_width
from archlab.errors import OptionError, TraceError, check_one_of, keyword

if TYPE_CHECKING:
    from archlab.picture.picture import Picture

_FORMATS = "archlab.picture.formats:FORMATS"
CARDS, VOLUMES = "cards", "volumes"  # of archlab.view.drawing.style, which --help does not import
VIEWS = {"modules": "render", "autograd": "render_backward"}
# Format -> the options that it has no place for: colours, a direction, a sheet to fit.
_WITHOUT = {
    "txt": ("theme", "direction", "fit"),
    "json": ("theme",),
    "mmd": ("theme", "fit", "insets"),
    "dot": ("fit", "insets"),
}


@dataclass(frozen=True)
class Drawing:
    """How a drawing looks; what is not given is as `archlab.picture.look` has it."""

    boxes: Annotated[
        int | None,
        typer.Option(
            min=3,
            help="Boxes at most; modules are opened while they fit. Default: "
            f"{constant('archlab.fold.choose:BOXES')}, "
            f"with --ops {constant('archlab.fold.choose:OPS_BOXES')}, "
            f"as volumes {constant('archlab.view.drawing.volume:BOXES')}.",
        ),
    ] = None
    depth: Annotated[
        int | None,
        typer.Option("--depth", "-d", min=0, help="Open modules down to this level instead."),
    ] = None
    expand: Annotated[
        list[str] | None,
        typer.Option("--expand", "-e", metavar="PATH", help="Open this module; repeat."),
    ] = None
    ops: Annotated[
        bool | None,
        typer.Option("--ops", help="A box for every operator that depends on the input."),
    ] = None
    color_by: Annotated[
        str | None,
        typer.Option(
            help=f"Heat on each box: {listed(constant('archlab.picture.annotate:MEASURES'))}."
        ),
    ] = None
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Heat of your own: a table of module path and value, its second heading the "
            "measure: latency, ms.",
        ),
    ] = None
    style: Annotated[
        str | None,
        typer.Option(
            help=f"{listed(constant('archlab.view.drawing.style:STYLES'))}: volumes are feature "
            "maps as in papers, height by H×W, width by channels, lines by bytes. Default: cards."
        ),
    ] = None
    direction: Annotated[
        str | None,
        typer.Option(
            help=f"{listed(constant('archlab.view.drawing.style:DIRECTIONS'))}: top to bottom "
            "(default), or left to right (default of volumes, but for a U-Net)."
        ),
    ] = None
    theme: Annotated[
        str | None,
        typer.Option(
            help=f"{listed(constant('archlab.view.theme:THEMES'))}. Default: auto, where an SVG "
            "follows the reader's screen."
        ),
    ] = None
    fit: Annotated[
        str | None,
        typer.Option(
            help=f"{listed(constant('archlab.view.drawing.style:FITS'))}: columns that fit such a "
            "sheet; none keeps one. Default: auto, which breaks what is longer than 3:1."
        ),
    ] = None

    insets: Annotated[
        bool | None,
        typer.Option(
            "--insets",
            help="Draw a sort of module that occurs often once, under a letter, beside the rest.",
        ),
    ] = None

    @property
    def keywords(self) -> dict[str, Any]:
        """What was given, by the names of the library; what was not has its default there."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if self.style == CARDS:
            del given["style"]  # what all verbs draw
        return given


@dataclass(frozen=True)
class Target:
    """Where a drawing goes, and in which format."""

    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help=f"{suffixes(constant(_FORMATS))}; .mmd is Mermaid; - for standard output. "
            "Default: a drawing in the terminal.",
        ),
    ] = None
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help=f"{listed(constant(_FORMATS))}. Default: the suffix of --out, else txt.",
        ),
    ] = None


def render(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL …", help="One; two with --diff.", autocompletion=model_names
        ),
    ],
    drawing: Drawing,
    loading: Loading,
    target: Target,
    typed: Typed,
    view: Annotated[
        str,
        typer.Option(
            help="modules, or autograd: the backward pass, function by function, with the memory "
            "that each keeps for it as heat."
        )
    ] = "modules",
    diff: Annotated[
        bool, typer.Option("--diff", help="Two models over each other: added, removed, changed.")
    ] = False,
    mode: Mode = "eval",
) -> None:  # fmt: skip
    """Draw the architecture: blocks, branches and shortcuts.

    Example: archlab render resnet18 --out graph.svg
    """
    from archlab.picture.look import Look  # here: --help draws nothing

    chosen = _chosen_format(target.format, target.out)
    check_one_of("view", view, VIEWS)
    look = Look(**drawing.keywords)  # now, so that it is checked before a model is built
    _check(typed, chosen, view, drawing.color_by, models=len(models), diff=diff)
    if drawing.style == VOLUMES:
        _check_volumes(typed, chosen, view, diff=diff)
    from archlab.api import render as draw
    from archlab.picture.graph import graph_picture

    verb = getattr(draw, "render_diff" if diff else VIEWS[view])
    # A forward that fails is drawn up to there, and the command fails all the same.
    failure: TraceError | None = None
    try:
        picture = verb(*loading.load(*models), mode=mode, **drawing.keywords)
    except TraceError as error:
        if error.graph is None:
            raise
        # What ran before the failure shows where it is. A module to open may not have been reached.
        failure, picture = error, graph_picture(error.graph, replace(look, expand=()))
    _put(picture, chosen, target.out)
    if failure is not None:
        raise failure


def _check(
    typed: Typed, chosen: str, view: str, color_by: str | None, *, models: int, diff: bool
) -> None:
    """Raise OptionError for an option that would be dropped, too few models or too many."""
    if view == "autograd" and color_by not in (None, "memory"):
        raise OptionError(
            f"{keyword('color_by', color_by)} and {keyword('view', view)} exclude each other: the "
            f"heat of the backward pass is the memory that it keeps. Leave {keyword('color_by')} "
            "out."
        )
    typed.exclusive("diff", "view", because="two models are compared by their forward")
    if diff:
        typed.exclusive(
            "diff", "ops", "color_by", "overlay", "insets",
            because="its colours say what was added, removed and changed, module by module. Draw "
            "each of the two models alone for that",
        )  # fmt: skip
    if view == "autograd":
        typed.exclusive(
            "view", "ops",
            because="the backward pass has a box for every function already. Leave --ops out",
        )  # fmt: skip
        typed.exclusive("view", "insets", because="functions have no inside. Leave --insets out")
        typed.exclusive(
            "view", "overlay",
            because="the heat of the backward pass is the memory that it keeps. Leave --view out "
            "to draw numbers of your own on the forward",
        )  # fmt: skip
    for name in _WITHOUT.get(chosen, ()):
        if typed.any(name):
            raise OptionError(
                f"{typed.spelling(name)} has no meaning for {keyword('format', chosen)}"
                f"{', which a terminal gets: add --out FILE.svg' if chosen == 'txt' else ''}."
            )
    if models != (2 if diff else 1):
        raise OptionError(
            f"MODEL: {models} given; --diff takes two, a drawing without it takes one."
        )


def _check_volumes(typed: Typed, chosen: str, view: str, *, diff: bool) -> None:
    """Raise OptionError for what has no volumes: formats of text, differences, other views."""
    from archlab.picture.formats import PLACED  # here: --help draws nothing

    because = "volumes are the feature maps of one model's forward"
    for other in ("diff",) if diff else ("view",) if view == "autograd" else ():
        typed.exclusive("style", other, because=because)
    if chosen not in PLACED:
        terminal = ", which a terminal gets: add --out FILE.svg" if chosen == "txt" else ""
        raise OptionError(
            f"{keyword('style', VOLUMES)} has no meaning for {keyword('format', chosen)}{terminal}."
            f" Allowed: {', '.join(PLACED)}."
        )


def _chosen_format(format: str | None, out: Path | None) -> str:  # noqa: A002
    """Return the format of a drawing; raise where it is unknown, or cannot go where it should."""
    from archlab.picture.formats import (  # here: --help draws nothing
        FORMATS,
        PAINTED,
        picture_format,
    )

    chosen = format.lower() if format else None
    if file := file_of(out):
        chosen = chosen or picture_format(file, FORMATS)
        check_file(file)
    chosen = chosen or "txt"
    check_one_of("format", chosen, FORMATS)
    if chosen in PAINTED and out is None and is_terminal():
        raise OptionError(f"A {chosen} is no text for a terminal: add --out FILE.{chosen}.")
    return chosen


def _put(picture: Picture, chosen: str, out: Path | None) -> None:
    """Write the picture; as text for a terminal, it keeps to the terminal's width."""
    for note in picture.notes(chosen) if picture.notes else ():
        say(f"archlab: note: {note}")
    if chosen == "txt" and out is None and is_terminal():
        answer(f"{picture.text(terminal_width(), colours=has_colours())}\n".encode())
        return
    data = picture.data(chosen)
    file = file_of(out)
    if file is not None:
        put(file, data)
    else:
        # As bytes: text would be encoded once more, with what the terminal happens to speak.
        answer(data)
