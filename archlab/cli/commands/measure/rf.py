"""`archlab rf MODEL …`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.command import Typed
from archlab.cli.options import Loading, ModelsArgument
from archlab.cli.output import Output, Plot, Tree
from archlab.errors import OptionError
from archlab.result import Result

if TYPE_CHECKING:
    from archlab.api.model import Model

_QUESTIONS = ("unproductive", "verify", "effective")
# Options that only a table answers: whoever gives one wants it beside a picture, too.
_OF_A_TABLE = ("format", "out", "depth", "sort", "unproductive", "resolutions", "verify")


@dataclass(frozen=True)
class Question:
    """What is asked of the layers, and under what conditions."""

    layers: Annotated[
        list[str] | None,
        typer.Option("--layer", "-l", help="Only this module path, such as layer1.0; repeat."),
    ] = None
    unproductive: Annotated[
        bool, typer.Option("--unproductive", help="Layers that can add no context (Richter 2021).")
    ] = False
    resolutions: Annotated[
        list[str] | None,
        typer.Option(
            "--resolution", metavar="N|HxW", help="With --unproductive: another size; repeat."
        ),
    ] = None
    verify: Annotated[
        bool, typer.Option("--verify", help="Certify every convolution by gradients.")
    ] = False
    effective: Annotated[
        bool, typer.Option("--effective", help="Effective field (Luo 2016) beside the theory.")
    ] = False
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Images for --effective (Gaussian noise without it), and to --plot on.",
        ),
    ] = None
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights for --effective (state dict).")
    ] = None

    @property
    def measured(self) -> dict[str, Any]:
        """The keyword arguments of what is measured or drawn."""
        return {
            "layers": self.layers or (), "images": self.images, "checkpoint": self.checkpoint,
        }  # fmt: skip


def rf(
    models: ModelsArgument,
    loading: Loading,
    output: Output,
    tree: Tree,
    plot: Plot,
    question: Question,
    typed: Typed,
) -> None:
    """What each layer sees of the image: size, centre, holes.

    Several models are overlaid on the picture of --plot.

    Example: archlab rf resnet20 --plot rf.svg
    """
    _check(typed, several=len(models) > 1)
    from archlab.api.field import pictures, receptive_field as field

    # Unknown layers are named before a picture or a measurement, which takes a while.
    loaded = loading.load(*models)
    for model in loaded:
        field.check_layers(model, question.layers or ())
    drawn = {"effective": question.effective, **question.measured}
    plot.save(lambda: pictures.plot_receptive_field(*loaded, **drawn))
    if plot.plot is not None and not typed.any(*_OF_A_TABLE):
        return
    answer, agreed = _answer(loaded[0], question)
    output.show(answer, depth=tree.depth, sort=tree.sort)
    # A certificate that does not hold is a failed check, as in `archlab check`.
    if not agreed:
        raise typer.Exit(1)


def _answer(model: Model, question: Question) -> tuple[Result[Any, Any], bool]:
    """Return the answer, and whether a certificate of it holds."""
    from archlab.api.field import receptive_field as field

    if question.unproductive:
        sizes = [_size(text) for text in question.resolutions or ()]
        return field.unproductive(model, resolutions=sizes), True
    if question.verify:
        certificate = field.verify_receptive_field(model)
        return certificate, certificate.totals.agree == certificate.totals.checked
    if question.effective:
        return field.effective_receptive_field(model, **question.measured), True
    return field.receptive_field(model, layers=question.layers or ()), True


def _check(typed: Typed, *, several: bool) -> None:
    """Raise OptionError where an option would be dropped."""
    for i, question in enumerate(_QUESTIONS):
        rest = _QUESTIONS[i + 1 :]
        typed.exclusive(question, *rest, because="each is a table of its own")
        typed.exclusive(question, "depth", because="its rows are no module tree")
    # With a picture, --layer chooses its boxes, and the table goes on being about all of them.
    for question in ("unproductive", "verify"):
        if not typed.any("plot"):
            typed.exclusive(question, "layers", because="it is asked of all convolutions")
    typed.exclusive("verify", "batch", because="one long image is run for each axis")
    typed.exclusive("layers", "depth", because="layers that are named are shown at any depth")
    typed.require("unproductive", "resolutions", because="other sizes are asked about there")
    typed.require("effective", "checkpoint", because="the theory holds for any weights")
    if not typed.any("plot"):
        typed.require("effective", "images", because="the theory holds for any images")
    if several:
        tables = [typed.spelling(name) for name in _OF_A_TABLE if typed.any(name)]
        if tables:
            raise OptionError(
                "Several models are overlaid on one picture, --plot FILE.svg, without a table. "
                f"Only for one model: {', '.join(tables)}."
            )
        if not typed.any("plot"):
            raise OptionError("Several models are overlaid on one picture: add --plot FILE.svg.")


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([0-9]{1,9})(?:x([0-9]{1,9}))?", text.strip().lower())
    if match is None or int(match[1]) < 1:
        raise OptionError(f"--resolution {text!r} is no size: write 224 or 224x320.")
    return int(match[1]), int(match[2] or match[1])
