"""`archlab render MODEL`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.options import Batch, Input, Mode, Set, model_names
from archlab.cli.output import announced, check_picture, how_to_load
from archlab.errors import LayoutError, OptionError, TraceError, check_one_of
from archlab.files import write

if TYPE_CHECKING:
    from archlab.picture.picture import Picture


VIEWS = {"modules": "render", "autograd": "render_backward"}


def render(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL …", help="One; two with --diff.", autocompletion=model_names
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o",
            help=".svg, .png, .pdf, .dot, .mmd (Mermaid), .json or .txt; - for standard output. "
            "Default: a drawing in the terminal.",
        ),
    ] = None,
    style: Annotated[
        str | None,
        typer.Option("--format", "-f", help="svg, png … Default: the suffix of --out, else txt."),
    ] = None,
    boxes: Annotated[
        int | None,
        typer.Option("--boxes", help="Boxes at most; modules are opened while they fit. "
                     "Default: 60, with --ops 600."),
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", "-d", help="Open modules down to this level instead.")
    ] = None,
    expand: Annotated[
        list[str] | None,
        typer.Option("--expand", "-e", metavar="PATH", help="Open this module; repeat."),
    ] = None,
    ops: Annotated[
        bool, typer.Option("--ops", help="A box for every operator that depends on the input.")
    ] = False,
    color_by: Annotated[
        str | None,
        typer.Option("--color-by", help="Heat: macs, params, memory, receptive-field, gradient."),
    ] = None,
    direction: Annotated[
        str, typer.Option("--direction", help="TB (top to bottom) or LR (left to right).")
    ] = "TB",
    theme: Annotated[
        str, typer.Option("--theme", help="auto (SVG follows the screen), light, dark, print.")
    ] = "auto",
    view: Annotated[
        str, typer.Option("--view", help="modules, or autograd: the backward pass (torchviz).")
    ] = "modules",
    diff: Annotated[
        bool, typer.Option("--diff", help="Two models over each other: added, removed, changed.")
    ] = False,
    input: Input = None,  # noqa: A002
    batch: Batch = None,
    set_: Set = None,
    mode: Mode = "eval",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, help="Seconds for one try of the layout.")
    ] = 60.0,
) -> None:  # fmt: skip
    """Draw the architecture: blocks, branches and shortcuts.

    Example: archlab render resnet18 --out graph.svg
    """
    wanted = check_picture(style, out)
    if diff and view != "modules":
        raise OptionError("--diff and --view exclude each other.")
    if len(models) != (2 if diff else 1):
        raise OptionError(
            f"MODEL: {len(models)} given; --diff takes two, a drawing without it takes one."
        )
    from archlab.api import render as draw
    from archlab.api.model import Model
    from archlab.picture.graph import graph_picture
    from archlab.picture.look import Look

    how: dict[str, Any] = {
        "boxes": boxes,
        "depth": depth,
        "expand": expand or (),
        "direction": direction,
        "theme": theme,
        "timeout": timeout,
    }
    if not diff and view == "modules":
        how |= {"ops": ops, "color_by": color_by}
    elif ops or color_by:
        raise OptionError("--diff and --view autograd have no --ops and no --color-by.")
    look = Look(**how)
    check_one_of("--view", view, VIEWS)
    loaded = [announced(Model(model, **how_to_load(input, batch, set_))) for model in models]
    verb = "render_diff" if diff else VIEWS[view]
    failure: TraceError | None = None
    try:
        picture = getattr(draw, verb)(*loaded, mode=mode, **how)
    except TraceError as error:
        if error.graph is None:
            raise
        failure, picture = error, graph_picture(error.graph, replace(look, expand=()))
    _put(picture, wanted, out)
    if failure is not None:
        raise failure


def _put(drawn: Picture, wanted: str, out: Path | None) -> None:
    """Write the picture; what cannot be laid out is written as DOT."""
    try:
        data = drawn.data(wanted)
    except LayoutError as error:
        if out is None or str(out) == "-" or not error.dot:
            raise
        rescue = out.with_suffix(".dot")
        write(rescue, error.dot)
        raise LayoutError(f"{error} The drawing is in {rescue}: another Graphviz may do it, "
                          "or try fewer boxes (--boxes N).", error.dot) from error  # fmt: skip
    if out is None or str(out) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write(out, data)
        print(f"wrote {out}", file=sys.stderr)
