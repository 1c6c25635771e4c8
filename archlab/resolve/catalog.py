"""The models that can be named, from the zoo, torchvision or timm. The zoo's need no torch."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch

from archlab import zoo
from archlab.errors import SpecError, check_one_of, did_you_mean
from archlab.result import Column, Listing
from archlab.spec import LIBRARIES


@dataclass(frozen=True, slots=True)
class Entry:
    """One model: its spec, what it is and where it was published (both empty for libraries)."""

    name: str
    source: str
    summary: str
    paper: str


COLUMNS = (Column("name", "name"), Column("summary", "summary"), Column("paper", "paper"))
_MORE = (
    "Any depth 6n+2 works too (resnet62, plain14); cifar_resnet50 is the 6n+2 net of that depth.",
    "Other sources: archlab models --source torchvision, --source timm.",
)


def catalog(pattern: str | None = None, source: str = "zoo") -> Listing[Entry]:
    """Return the models whose names match.

    Args:
        pattern: as of a shell: `resnet*`; None takes all.
        source: zoo, torchvision or timm.

    Raises:
        OptionError: an unknown source.
        SpecError: no name matches.
        DependencyError: the library is not installed.

    Example:
        >>> [entry.name for entry in catalog("resnet*2").rows]
        ['resnet152', 'resnet32', 'resnet1202']
    """
    check_one_of("--source", source, ("zoo", *LIBRARIES))
    known = _zoo() if source == "zoo" else _library(source)
    chosen = tuple(entry for entry in known if pattern is None or fnmatch(entry.name, pattern))
    if not chosen:
        near = did_you_mean((pattern or "").strip("*"), (entry.name for entry in known))
        raise SpecError(f"{source} has no model that matches {pattern!r}.{near}")
    whole = source == "zoo" and pattern is None
    columns = COLUMNS if source == "zoo" else COLUMNS[:1]
    return Listing("models", chosen, columns, footer=_MORE if whole else ())


def _zoo() -> list[Entry]:
    entries = []
    for name in zoo.names():
        variant = zoo.find(name)
        assert variant is not None
        entries.append(Entry(name, "zoo", zoo.describe(name), zoo.ZOO[variant.family].paper))
    return entries


def _library(source: str) -> list[Entry]:
    from archlab.resolve.sources import library_names  # here: it imports torch

    return [Entry(name, source, "", "") for name in library_names(source)]
