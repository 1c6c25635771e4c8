"""The net of a run: loaded into Python, or exported to a file for other programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from archlab import files
from archlab.data.sets import load_images
from archlab.errors import DataError, OptionError, check_one_of, keyword
from archlab.runs import record
from archlab.spec import parse_input
from archlab.train import checkpoint as checkpoints
from archlab.train.build import input_channels
from archlab.train.export import FORMATS, exported
from archlab.verb import verb

if TYPE_CHECKING:
    from torch import nn


@verb
def load_model(
    checkpoint: str | Path,
    *,
    model: str | None = None,
    input: str | Sequence[int] | None = None,  # noqa: A002
) -> nn.Module:
    """Return the trained net of a run or checkpoint, on the CPU and in eval mode.

    Where a checkpoint has averaged weights beside the last ones, the net has the averaged ones.

    Args:
        checkpoint: a file, or a run's folder.
        model: the spec; needed where the checkpoint names none, or names a file or package.
        input: sizes of an image, such as "3x32x32": tells which layout of a net of the zoo is
            meant where the checkpoint does not say; (3, 224, 224) by default.

    Raises:
        RunError: the checkpoint is absent, truncated, or of another model, or it names code that
            archlab runs only where `model` names it.
        OptionError: an `input` that is no channels, height and width.

    Example:
        >>> net = load_model("runs/resnet20-seed1-1a2b3c4d")  # doctest: +SKIP
    """
    shape = (3, 224, 224) if input is None else _sizes(input)
    return checkpoints.load_model(Path(checkpoint), model, shape).eval()


@verb
def export_model(
    checkpoint: str | Path,
    *,
    to: str | None = None,
    out: str | Path | None = None,
    input: str | Sequence[int] | None = None,  # noqa: A002
    model: str | None = None,
) -> Path:
    """Write the trained net of a run to a file for other programs, and return its path.

    The file holds the net in eval mode, for any number of images, normalised as in training. ONNX
    names the input `images` and the output `scores`; pt2 is for `torch.export.load`; safetensors
    holds the weights alone, and in its metadata how the net is built.

    Args:
        checkpoint: a file, or a run's folder.
        to: "onnx", "pt2" or "safetensors"; the suffix of `out` by default.
        out: the file; model.SUFFIX in the run's folder by default, and beside another checkpoint a
            file of its name.
        input: sizes of an image, such as "3x32x32"; those of the run's images by default.
        model: the spec; needed where the checkpoint names none, or names a file or package.

    Raises:
        OptionError: an unknown format, a suffix of another one, or sizes that are missing.
        RunError: as for `load_model`.
        DataError: the run's images are absent, which tell the sizes.
        DependencyError: onnx, onnxscript or safetensors is not installed.
        TraceError: a net that cannot be exported.
        OutputError: the file cannot be written.

    Example:
        >>> export_model("runs/resnet20-seed1-1a2b3c4d", to="pt2")  # doctest: +SKIP
        PosixPath('runs/resnet20-seed1-1a2b3c4d/model.pt2')
    """
    to = _format(to, out)
    if input is not None and to == "safetensors":
        raise OptionError(f"{keyword('input', input)}: a file of weights is for any size of image.")
    path = Path(checkpoint)
    entry = checkpoints.read(path)["archlab"]
    folder = path if path.is_dir() else path.parent
    shape = (3, 224, 224) if to == "safetensors" else _shape(folder, input)
    net = checkpoints.load_model(path, model, shape)
    if input is None:
        shape = (input_channels(net, shape[0]), *shape[1:])  # grey images are repeated for it
    about = {name: entry[name] for name in ("spec", "options", "type") if name in entry}
    stem = "model" if path.is_dir() or path.name == record.CHECKPOINT else path.stem
    target = Path(out) if out else folder / f"{stem}.{to}"
    files.write(target, exported(net, to, shape, about))
    return target


def _format(to: str | None, out: str | Path | None) -> str:
    suffix = Path(out).suffix[1:] if out else ""
    chosen = suffix if to is None else to
    if not chosen:
        raise OptionError(f"No format: give {keyword('to')} with one of {', '.join(FORMATS)}.")
    check_one_of("to", chosen, FORMATS)
    if out and suffix != chosen:
        raise OptionError(
            f"{keyword('out', out)}: a file of {keyword('to', to)} ends in .{chosen}."
        )
    return chosen


def _shape(folder: Path, given: str | Sequence[int] | None) -> tuple[int, int, int]:
    """Return channels, height and width of the images that the net takes."""
    if given is not None:
        return _sizes(given)
    if not (folder / record.PLAN).is_file():
        raise OptionError(
            f"The checkpoint does not lie in a run's folder: give {keyword('input')} with the "
            "sizes of an image, such as 3x32x32."
        )
    plan = record.read_plan(folder)
    try:
        return load_images(plan.data, Path(plan.data_dir)).shape
    except DataError as error:
        raise DataError(
            f"{error} To export without the images, give {keyword('input')} with the sizes of one, "
            "such as 3x32x32."
        ) from error


def _sizes(given: str | Sequence[int]) -> tuple[int, int, int]:
    text = given if isinstance(given, str) else "x".join(map(str, given))
    spec = parse_input(text)
    if len(spec.shape) != 3 or spec.name or spec.dtype or spec.exact:
        raise OptionError(
            f"{keyword('input', text)}: channels, height and width of an image are wanted, such as "
            "3x32x32."
        )
    channels, height, width = spec.shape
    return channels, height, width
