"""Every error archlab raises on purpose, as one tree.

    ArchlabError                 catch this one
    ├── SpecError                a model, input or path that names nothing we can find
    ├── OptionError              an option or a value that is not allowed
    ├── BuildError               the model's constructor failed or wants arguments
    ├── TraceError               the model's forward failed; `.graph` holds the part before it
    ├── ProbeError               what the model does not let measure: no gradient, no shortcut
    ├── DependencyError          an optional package is missing
    ├── LayoutError              a drawing that is too large for its format
    ├── DataError                images that are absent, incomplete or corrupt
    ├── RunError                 a run, checkpoint or log that cannot be used, or is in use
    │   └── NoMemoryError        a GPU without the memory that a run needs
    ├── EngineError              worker processes or a cluster that cannot be had
    └── OutputError              a file that cannot be written
        └── WriteError           the system refused to write: a full disk, a closed stream

A message says what was wrong, what was given, what is allowed and what to try.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archlab.ir.graph import Graph


# None is a value that a message may have to name.
_ABSENT = object()


class ArchlabError(Exception):
    """Base of all errors that archlab raises on purpose.

    Example:
        >>> import archlab
        >>> try:
        ...     archlab.params("resnet19")
        ... except ArchlabError as error:
        ...     print(type(error).__name__, str(error)[:49])
        SpecError 'resnet19': these nets have 6n + 2 layers, and 19
    """


class SpecError(ArchlabError):
    """A model spec, input spec or path that names nothing archlab can find."""


class OptionError(ArchlabError):
    """An option, or a value of one, that is not allowed."""


class BuildError(ArchlabError):
    """A constructor that failed, or that needs arguments."""


class TraceError(ArchlabError):
    """A forward that failed; `graph` is what ran before it, or None."""

    def __init__(self, message: str, graph: Graph | None = None) -> None:
        super().__init__(message)
        self.graph = graph


class ProbeError(ArchlabError):
    """A measurement that the model does not allow."""


class DependencyError(ArchlabError):
    """An optional package that is not installed."""


class LayoutError(ArchlabError):
    """A drawing that is too large for its format."""


class DataError(ArchlabError):
    """Images that are absent, incomplete or corrupt."""


class RunError(ArchlabError):
    """A run folder, checkpoint or log that cannot be used, or that another process uses."""


class NoMemoryError(RunError):
    """A GPU without the memory that a run needs."""


class EngineError(ArchlabError):
    """Worker processes that cannot be started, or a cluster that does not answer."""


class OutputError(ArchlabError):
    """A file that cannot be written."""


class WriteError(OutputError):
    """A write that the system refused: the disk is full, a stream is closed."""


# A context variable, not a global: a command in one thread must not change another's messages.
_option: ContextVar[Callable[[str], str] | None] = ContextVar("option", default=None)


@contextlib.contextmanager
def spelled(option: Callable[[str], str]) -> Iterator[None]:
    """Let messages name arguments as the command line does, for the time of the `with`.

    `option` turns a keyword into an option: `data_dir` into `--data-dir`.
    """
    token = _option.set(option)
    try:
        yield
    finally:
        _option.reset(token)


def keyword(name: str, value: object = _ABSENT) -> str:
    """Return how the reader of a message spells an argument, with its value if one is given.

    Example:
        >>> keyword("seeds", 0), keyword("data_dir")
        ('seeds=0', 'data_dir')
        >>> with spelled(lambda name: "--" + name.replace("_", "-")):
        ...     keyword("seeds", 0), keyword("data_dir"), keyword("download", True)
        ('--seeds 0', '--data-dir', '--download')
    """
    # A message is written once: somebody who called a function reads about keywords, somebody who
    # typed a command reads about options.
    option = _option.get()
    if option is None:
        return name if value is _ABSENT else f"{name}={shown(value)}"
    return option(name) if value is _ABSENT or value is True else f"{option(name)} {value}"


def shown(value: object) -> str:
    """Return how a message shows a value: tensors and arrays by shape and dtype, without numbers.

    Example:
        >>> import numpy
        >>> shown({"x": numpy.zeros((2, 3)), "y": [1, None]})
        "{'x': ndarray 2x3 float64, 'y': [1, None]}"
    """
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        sizes = "x".join(map(str, value.shape)) or "()"
        return f"{type(value).__name__} {sizes} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {shown(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        parts = ", ".join(map(shown, value))
        comma = "," * (len(value) == 1)
        return f"[{parts}]" if isinstance(value, list) else f"({parts}{comma})"
    text = repr(value)
    # Some other object that holds tensors, such as a dataclass.
    return type(value).__name__ if "tensor(" in text or "array(" in text else text


def constructor_keywords(*pairs: str) -> str:
    """Return how the reader of a message gives constructor arguments of a model.

    Example:
        >>> constructor_keywords("width=16", "depth=20")
        'width=16, depth=20'
        >>> with spelled(lambda name: "--" + name):
        ...     constructor_keywords("width=16", "depth=20")
        '--set width=16 --set depth=20'
    """
    option = _option.get()
    if option is None:
        return ", ".join(pairs)
    return " ".join(f"{option('set')} {pair}" for pair in pairs)


def check_one_of(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise unless `value` is one of the allowed values of the argument `name`.

    Raises:
        OptionError: it is none of them; the message suggests the nearest and lists all of them.

    Example:
        >>> check_one_of("by", "kinds", ("module", "kind"))
        Traceback (most recent call last):
        archlab.errors.OptionError: by='kinds' is unknown. Did you mean kind? Allowed: module, kind.
    """
    # A list, say, cannot even be looked up.
    if not isinstance(value, str) or value not in allowed:
        raise OptionError(
            f"{keyword(name, value)} is unknown.{did_you_mean(str(value), allowed)} "
            f"Allowed: {', '.join(allowed)}."
        )


def check_type(name: str, value: object, kinds: type | tuple[type, ...], wanted: str) -> None:
    """Raise unless the value of the argument `name` is of one of some types; `wanted` names them.

    Raises:
        OptionError: it is of another type. True and False are no numbers here.

    Example:
        >>> check_type("boxes", "many", int, "a whole number")
        Traceback (most recent call last):
        archlab.errors.OptionError: boxes='many': a whole number is wanted.
    """
    # To Python True is a whole number: `boxes=True` would be a picture of one box.
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise OptionError(f"{keyword(name, value)}: {wanted} is wanted.")


def did_you_mean(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Return ` Did you mean …?` with the known names nearest to `name`, or an empty string.

    Example:
        >>> did_you_mean("resnet19", ["resnet18", "googlenet"])
        ' Did you mean resnet18?'
    """
    # People type names in any case, and difflib takes ResNet18 for far from resnet18.
    lower = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name.lower(), lower, n=limit, cutoff=0.6)
    return f" Did you mean {' or '.join(lower[match] for match in near)}?" if near else ""
