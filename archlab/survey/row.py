"""One row a model: what is asked, and what a scan knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, get_args, get_type_hints

from archlab.result import Unit

SCHEMA = "archlab.scan/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A model and how it is measured; `options` are constructor arguments by name."""

    model: str
    input: tuple[str, ...] = ()
    batch: int | None = None
    options: tuple[tuple[str, object], ...] = ()
    convention: str = "archlab"
    optimizer: str = "adam"

    @property
    def asked(self) -> str:
        """What differs from the defaults, as on the command line.

        Example:
            >>> Request(model="resnet18", batch=2, options=(("layout", "cifar"),)).asked
            '--batch 2 --set layout=cifar'
        """
        parts = [f"--input {text}" for text in self.input]
        parts += [f"--batch {self.batch}"] if self.batch is not None else []
        parts += [f"--set {name}={value}" for name, value in self.options]
        parts += [f"--convention {self.convention}"] if self.convention != "archlab" else []
        parts += [f"--optimizer {self.optimizer}"] if self.optimizer != "adam" else []
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRow:
    """One model; None is a number that cannot be had, and `error` or `missing` says why.

    Attributes:
        model: the spec.
        asked: how it was measured, where that is not the default; with `model` the row's key.
        source: zoo, torchvision.image, timm, file …
        input: shapes and dtypes of the traced inputs.
        activations: elements that convolutions and matrix products put out (timm's `macts`).
        inference_peak: bytes of activations alive at once.
        training: bytes of training at this batch.
        rf: height of the largest local receptive field, in pixels; `rf_w` its width. Of a
            sequence, `rf` counts its steps.
        jump: pixels of the input between neighbours of that map; `jump_w` across.
        global_from: the first layer after which units see the whole image, or empty.
        depth: weighted layers on the longest path.
        coverage: share of compute operators that have a counting rule; below 1 MACs are a lower
            bound.
        missing: what was not counted, or could not be had, and why.
        accuracy: top-1 in percent, where the source publishes it for this architecture.
        build: how the model was built and traced.
        seconds: time of the row in its worker.
        error: why there are no numbers, or empty.
        versions: of archlab, torch and the library the model comes from.
    """

    model: Annotated[str, "model"]
    asked: Annotated[str, "asked"] = ""
    source: str = ""
    input: str = ""
    params: Annotated[int | None, "params", Unit.SI] = None
    macs: Annotated[int | None, "MACs", Unit.SI] = None
    other_flops: int | None = None
    activations: Annotated[int | None, "activations", Unit.SI] = None
    inference_peak: Annotated[int | None, "inference peak", Unit.BYTES] = None
    training: Annotated[int | None, "training", Unit.BYTES] = None
    rf: Annotated[float | None, "rf", Unit.NUMBER] = None
    rf_w: float | None = None
    jump: Annotated[float | None, "jump", Unit.NUMBER] = None
    jump_w: float | None = None
    global_from: str = ""
    depth: Annotated[int | None, "depth", Unit.COUNT] = None
    coverage: Annotated[float | None, "counted", Unit.SHARE] = None
    missing: str = ""
    accuracy: Annotated[float | None, "top-1", Unit.NUMBER] = None
    build: str = ""
    seconds: float = 0.0
    error: Annotated[str, "error"] = ""
    versions: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells rows of one file apart."""
        return self.model, self.asked


def kinds() -> dict[str, type]:
    """Return the columns of a row in their order: str, int or float.

    Example:
        >>> kinds()["macs"]
        <class 'int'>
    """
    # `int | None` has two arguments, of which the first is the kind; `str` has none.
    hints = get_type_hints(ScanRow).items()
    return {name: next(iter(get_args(hint)), hint) for name, hint in hints}
