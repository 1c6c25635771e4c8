"""`archlab bottleneck [MODEL]`."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from archlab.cli.command import Typed
from archlab.cli.options import Loading, constant, listed, model_names
from archlab.cli.output import Output, Sort
from archlab.errors import OptionError
from archlab.view import FORMATS

_NUMBER = "[0-9]{1,9}"  # of channels
_SUM = ("kernel", "reduce", "factor", "size")
_EXAMPLE = "archlab bottleneck --in 192 --out 32 --kernel 3 --reduce 32"


@dataclass(frozen=True)
class Sum:
    """A convolution, and what stands in its place."""

    inputs: Annotated[int | None, typer.Option("--in", help="Input channels.")] = None
    kernel: Annotated[int, typer.Option(help="Kernel size n of n×n.")] = 3
    reduce: Annotated[int | None, typer.Option(help="Channels after a 1×1 convolution.")] = None
    factor: Annotated[
        str,
        typer.Option(
            help=f"{listed(constant('archlab.analyze.factorize:FACTORS'))}: how a kernel is split; "
            "v2 into 3×3 kernels, v3 into 1×n and n×1."
        ),
    ] = "none"
    size: Annotated[int | None, typer.Option(help="Side of the map, for MACs.")] = None


def bottleneck(
    loading: Loading,
    total: Sum,
    typed: Typed,
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]", autocompletion=model_names, help="Find the savings in this model."
        ),
    ] = None,
    out: Annotated[
        list[str] | None, typer.Option("--out", "-o", help="Output channels; or a file to write.")
    ] = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            "--format", "-f", help=f"{listed(FORMATS)}. Default: the suffix of --out, else tree."
        ),
    ] = None,
    sort: Sort = None,
) -> None:
    """What a 1×1 reduction or a factorized kernel saves.

    As a sum (--in, --out), or found in a model.

    Example: archlab bottleneck --in 192 --out 32 --kernel 3 --reduce 32
    """
    # The formula has an `out` and every other command a file of that name: a number is channels.
    outputs, file = _split(out or ())
    output = Output(format, file)
    if model is not None:
        if outputs is not None:
            raise OptionError("--out 32 is a sum's output channels: it takes no MODEL.")
        typed.exclusive("model", "inputs", *_SUM, because="a MODEL brings its own convolutions")
        from archlab.api import cost

        (loaded,) = loading.load(model)
        output.show(cost.bottlenecks(loaded), sort=sort)
        return
    typed.require(
        "model", "input", "batch", "options", "sort", because="a sum has one row and no input"
    )
    if total.inputs is None or outputs is None:
        raise OptionError(f"Give a MODEL, or the channels of the sum: {_EXAMPLE}")
    from archlab.analyze import factorize

    output.show(factorize.bottleneck(**asdict(total), outputs=outputs))


def _split(texts: list[str] | tuple[()]) -> tuple[int | None, Path | None]:
    """Return output channels and the file: `--out` names both, as the formula does."""
    numbers = [int(text) for text in texts if re.fullmatch(_NUMBER, text)]
    files = [Path(text) for text in texts if not re.fullmatch(_NUMBER, text)]
    if len(numbers) > 1 or len(files) > 1:
        raise OptionError(f"--out {' --out '.join(texts)}: one number of channels and one file.")
    return (numbers[0] if numbers else None), (files[0] if files else None)
