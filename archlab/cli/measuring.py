"""The conditions under which a live net is measured: shared by the probes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archlab.cli.options import MODES, Input, Loading, Set, listed
from archlab.cli.running import DATA_DIR
from archlab.data.catalog import NAMES
from archlab.errors import OptionError, keyword

if TYPE_CHECKING:
    from archlab.api.model import Model

# These stand in files that import torch, which help must not; a test compares them.
SCHEMES = ("kaiming", "xavier", "default", "orthogonal", "zero-gamma")
NORMS = ("batch", "none")
DTYPES = ("float32", "float64", "bfloat16", "float16")
LOSSES = ("cross-entropy", "mse", "sum")

Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", "-l", help="Measure at these paths: layer1.0, 'layer?.*'; repeat."),
]


@dataclass(frozen=True)
class Measuring:
    """How nets are loaded and measured. The batch is a condition, not a property of the net."""

    input: Input = None
    options: Set = None
    batch: Annotated[
        int | None,
        typer.Option("--batch", "-b", min=1, help="Samples. Default: 64; 8 for images over 64×64."),
    ] = None
    seeds: Annotated[
        int, typer.Option(min=1, help="How many draws of weights, data and labels.")
    ] = 3
    seed: Annotated[int, typer.Option(min=0, help="The first of the seeds.")] = 0
    norm: Annotated[
        str | None, typer.Option(help=f"{listed(NORMS)} (leave it out). Default: as the net is.")
    ] = None
    init: Annotated[
        str | None,
        typer.Option(
            help=f"How weights are drawn: {listed(SCHEMES)}; default is PyTorch's. "
            "Without it: as the constructor draws."
        ),
    ] = None
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Weights to measure (a state dict).")
    ] = None
    images: Annotated[
        str | None,
        typer.Option(
            help=f"A folder of images, a .npz file, or {listed(NAMES)}. "
            "Default: made images with a natural spectrum."
        ),
    ] = None
    data_dir: Annotated[Path, typer.Option(help="Where the archives of official sets are.")] = (
        DATA_DIR
    )
    noise: Annotated[bool, typer.Option("--noise", help="N(0, 1) noise instead of images.")] = False
    mode: Annotated[
        str, typer.Option(help=f"{listed(MODES)}; train: batch norm sees the batch.")
    ] = "train"
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu"
    dtype: Annotated[
        str | None, typer.Option(help=f"{listed(DTYPES)}. Default: the net's own.")
    ] = None

    def load(self, specs: Sequence[str]) -> list[Model]:
        """Return the models, not yet at the batch of the conditions."""
        return Loading(self.input, options=self.options).load(*specs)

    @property
    def conditions(self) -> dict[str, Any]:
        """The keyword arguments that every probe takes."""
        of_models = ("input", "options")  # `load` takes these
        return {name: value for name, value in asdict(self).items() if name not in of_models}


def whole_numbers(name: str, text: str | None) -> list[int]:
    """Return the numbers of `20,56,110`, each 1 or more; nothing for None."""
    parts = [] if text is None else [part.strip() for part in text.split(",")]
    # Six digits at most: more are a slip of the keyboard, and no net is that deep.
    if not all(re.fullmatch(r"0*[1-9]\d{0,5}", part) for part in parts):
        raise OptionError(
            f"{keyword(name)} {text!r}: whole numbers joined by commas, such as 20,56,110."
        )
    return [int(part) for part in parts]
