"""What a run leaves on disk, and how it is read again: plain CSV and JSON. No torch.

    RUN/run.json       the plan: net, seed, recipe, data; its hash is the run's identity
    RUN/metrics.csv    one row a measurement
    RUN/gradients.csv  gradient norms by block and step, where they were asked for
    RUN/last.ckpt      the latest checkpoint
    RUN/done.json      there when the run is over: done, or failed and why
    RUN/progress.json  the step, every second, for whoever watches
    RUN/stderr.txt     what the run's process wrote to standard error, if anything

Files are written under a temporary name and renamed, so that each is whole or not there.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

from archlab import files
from archlab.errors import ArchlabError, OptionError, RunError, WriteError, keyword
from archlab.result import Unit
from archlab.runs.layout import has_layouts, recorded_options
from archlab.runs.recipe import LATER, Recipe, from_record
from archlab.version import __version__

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# Raise it when the same plan would train differently: finished runs then no longer count.
RUN_VERSION = 1
PLAN, METRICS, CHECKPOINT = "run.json", "metrics.csv", "last.ckpt"
DONE, PROGRESS = "done.json", "progress.json"
GRADIENTS, ERRORS = "gradients.csv", "stderr.txt"
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run before it starts: everything that its result depends on.

    Attributes:
        model: a model spec.
        options: constructor arguments.
        kind: plain, residual, or empty outside a sweep; `depth` likewise.
        data: what `load_images` takes; `fingerprint` says what it held.
        init: a checkpoint to start from, or empty; `init_id` says what it held.
        freeze: a fine-tuning plan's record.
    """

    model: str
    options: dict[str, Any]
    seed: int
    recipe: Recipe
    data: str
    data_dir: str
    data_name: str
    fingerprint: str
    kind: str = ""
    depth: int = 0
    init: str = ""
    init_id: str = ""
    freeze: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raise an OptionError for a model that is no spec, or a seed that no generator takes."""
        if not isinstance(self.model, str):
            raise OptionError(
                f"{keyword('model')}: {type(self.model).__name__} is no spec, from which a run "
                "builds its net anew. Train a module of your own by archlab.Classifier and "
                "pl.Trainer."
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise OptionError(
                f"{keyword('seed', self.seed)}: a whole number, 0 or more, is wanted."
            )

    @property
    def id(self) -> str:
        """Eight hexadecimal digits: net, recipe, seed, data and the code's version."""
        content = asdict(self)
        # Where the images lie, and what a recipe proposes, changes no result.
        for place in ("data", "data_dir", "data_name"):
            content.pop(place)
        content["recipe"].pop("made_for")
        for name, default in LATER.items():
            if content["recipe"][name] == default:
                content["recipe"].pop(name)
        # A run whose record has no layout trained the net for CIFAR: it is found again by its id.
        if has_layouts(self.model) and self.options.get("layout") == "cifar":
            content["options"].pop("layout")
        content["init"] = content.pop("init_id")
        content |= {"code": [__version__, RUN_VERSION]}
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """The run's folder: what it is, for people, and the id."""
        net = f"{self.kind}-{self.depth}" if self.kind and self.depth else self.kind
        stem = net or self.model.rpartition(":")[2]
        return f"{stem}-seed{self.seed}-{self.id}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One row of metrics.csv; errors in percent.

    `train_error` is measured in eval mode on whole training images, `running_error` and `loss` are
    means over the augmented batches since the row before; `learning_rate` is of the next step, and
    `images` is how many training images `train_error` is from.
    """

    step: Annotated[int, "step", Unit.COUNT]
    epoch: Annotated[float, "epoch", Unit.NUMBER]
    learning_rate: Annotated[float, "rate", Unit.NUMBER]
    loss: Annotated[float, "loss", Unit.NUMBER]
    running_error: Annotated[float, "running error %", Unit.NUMBER]
    train_error: Annotated[float, "train error %", Unit.NUMBER]
    test_error: Annotated[float, "test error %", Unit.NUMBER]
    test_loss: Annotated[float, "test loss", Unit.NUMBER]
    images: int
    seconds: Annotated[float, "seconds", Unit.NUMBER]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: status is done, failed, interrupted or planned."""

    status: str
    step: int = 0
    total: int = 0
    train_error: float | None = None
    running_error: float | None = None
    test_error: float | None = None
    seconds: float = 0.0
    hardware: str = ""
    numerics: str = ""
    versions: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """What progress.json tells."""

    step: int
    total: int


def write_plan(folder: Path, plan: Plan) -> None:
    """Make the run's folder and write its plan."""
    files.check_is_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{folder} cannot be made: {error.strerror}.") from error
    files.write_json(folder / PLAN, {"id": plan.id, "archlab": __version__, **asdict(plan)})


def read_plan(folder: Path) -> Plan:
    """Return the plan of a run's folder; RunError where it holds none."""
    if not (folder / PLAN).is_file():
        raise RunError(f"{folder} is no run: it holds no {PLAN}.")
    content = files.read_json(folder / PLAN)
    try:
        values = {part.name: content[part.name] for part in fields(Plan) if part.name in content}
        recipe = from_record(_mapping(values["recipe"]))
        plan = _checked(Plan, {**values, "recipe": recipe}, folder / PLAN)
        return replace(plan, options=recorded_options(plan.model, plan.options))
    except (KeyError, TypeError) as error:
        raise RunError(f"{folder / PLAN} lacks or mistypes an entry: {error}") from error


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no mapping")
    return value


def _checked(kind: type[Record], values: Mapping[str, Any], path: Path) -> Record:
    """Return a record of values that anybody may have written; RunError for a wrong type."""
    from pydantic import ValidationError  # here: 0.1 s

    checks = _checks(kind)  # type: ignore[arg-type]  # a class can be hashed
    try:
        for name, value in values.items():
            checks[name].validate_python(value, strict=True)
        return kind(**values)
    except ValidationError as error:
        why = error.errors()[0]["msg"]
        raise RunError(f"{path} lacks or mistypes an entry: {name}: {why}.") from None
    except TypeError as error:
        raise RunError(f"{path} lacks or mistypes an entry: {error}") from error


@cache
def _checks(kind: type) -> dict[str, TypeAdapter[Any]]:
    """Return what checks each entry of a record."""
    from pydantic import TypeAdapter  # here: see `_checked`

    return {name: TypeAdapter(hint) for name, hint in get_type_hints(kind).items()}


def write_metrics(folder: Path, rows: Sequence[Measurement]) -> None:
    """Write all measurements of a run."""
    files.write(folder / METRICS, files.as_csv(rows, Measurement))


def read_metrics(folder: Path) -> tuple[Measurement, ...]:
    """Return the measurements of a run, empty where none was made; RunError if damaged."""
    path = folder / METRICS
    if not path.is_file():
        return ()
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return tuple(map(_measurement, csv.DictReader(file)))
    except (TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _measurement(line: dict[str, str]) -> Measurement:
    whole = ("step", "images")
    values = {key: int(text) if key in whole else float(text) for key, text in line.items()}
    return Measurement(**values)  # type: ignore[arg-type]


def read_outcome(folder: Path) -> Outcome:
    """Return how a run ended, or how far it is."""
    if (folder / DONE).is_file():
        content = files.read_json(folder / DONE)
        names = [part.name for part in fields(Outcome)]
        known = {name: content[name] for name in names if name in content}
        return _checked(Outcome, known, folder / DONE)
    # A run without a checkpoint begins anew, however many steps its progress tells of.
    if not (folder / CHECKPOINT).is_file():
        return Outcome("planned")
    return Outcome("interrupted", *read_progress(folder))


def read_progress(folder: Path) -> tuple[int, int]:
    """Return the step that a run has reached, and its last one; zeros where nothing says so."""
    path = folder / PROGRESS
    if not path.is_file():
        return 0, 0
    # People read it while the run goes on; a damaged one stops nobody from going on.
    with contextlib.suppress(ArchlabError):
        content = files.read_json(path)
        state = _checked(Steps, {name: content.get(name) for name in ("step", "total")}, path)
        return state.step, state.total
    return 0, 0
