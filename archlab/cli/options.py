"""How a model is named and loaded: what nearly every command asks for, declared once.

Annotations here are text until a command is asked for, so what a help text quotes is imported by
that command alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.streams import say

if TYPE_CHECKING:
    from archlab.api.model import Model

# These stand in files that import torch, which help must not; a test compares them.
MODES = ("eval", "train")
BLOCKS = ("block", "layer")
ROWS = ("module", "kind")


def listed(names: Iterable[object]) -> str:
    """Return names as a sentence lists them.

    Example:
        >>> listed(["svg", "png", "pdf"]), listed(["eval"])
        ('svg, png or pdf', 'eval')
    """
    *first, last = map(str, names)
    return f"{', '.join(first)} or {last}" if first else last


def constant(place: str) -> Any:
    """Return what `module:NAME` holds, imported when a help text quotes it and not before.

    Example:
        >>> constant("archlab.fold.choose:BOXES")
        60
    """
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def model_names(incomplete: str) -> list[tuple[str, str]]:
    """Return the nets of the zoo that begin so, each with its line, for the shell's completion."""
    from archlab import zoo  # here: completion of anything else does without

    return [(name, zoo.describe(name)) for name in zoo.names() if name.startswith(incomplete)]


ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        autocompletion=model_names,
        help="resnet18, torchvision:resnet50, timm:convnext_tiny, path/to/net.py:Net, "
        "package.module:factory",
    ),
]
ModelsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL …",
        autocompletion=model_names,
        help="One or more: resnet20, torchvision:resnet18, timm:vit_tiny_patch16_224, net.py:Net",
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="[NAME=]SIZES[:DTYPE]",
        help="3x224x224 (batch optional), ids=2x20:int64, [2x32x64] for exactly that shape; "
        "repeat for several inputs; batch.x, xs.0 for entries of a dictionary, a list. "
        "Default: the model's own.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="KEY=VALUE",
        help="A constructor argument: num_classes=10, layout=cifar, widths=(16,32,64); repeat.",
    ),
]
Mode = Annotated[str, typer.Option("--mode", help=f"The model's mode: {listed(MODES)}.")]


@dataclass(frozen=True)
class Loading:
    """Input, batch and constructor arguments of a model."""

    input: Input = None
    batch: Annotated[
        int | None, typer.Option("--batch", "-b", min=1, help="Samples per forward. Default: 1.")
    ] = None
    options: Set = None

    def load(self, *specs: str) -> list[Model]:
        """Return the models, or raise as `archlab.load` does.

        A bare name may be in several libraries: the note on standard error says which was taken.
        """
        from archlab.api.model import Model  # here: torch
        from archlab.spec import parse_options

        options = parse_options(self.options or [])  # before any model, which may take seconds
        models = []
        for spec in specs:
            model = Model(spec, input=self.input or None, batch=self.batch, options=options)
            if model.note:
                say(f"archlab: {model.note}")
            models.append(model)
        return models
