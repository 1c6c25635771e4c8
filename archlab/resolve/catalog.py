"""The models that have names: zoo, torchvision and timm. Listing the zoo needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Annotated

from archlab import zoo
from archlab.errors import SpecError, check_one_of, did_you_mean
from archlab.result import Listing, columns
from archlab.spec import LIBRARIES


@dataclass(frozen=True, slots=True)
class Entry:
    """One model."""

    name: Annotated[str, "name"]
    source: str
    summary: Annotated[str, "summary"] = ""  # as `paper`, empty for the models of a library
    paper: Annotated[str, "paper"] = ""


_MORE = (
    "Any depth 6n+2 works too (resnet62, plain14); cifar_resnet50 is the 6n+2 net of that depth.",
    "Other sources: archlab models --source torchvision, --source timm.",
)


def catalog(pattern: str | None = None, source: str = "zoo") -> Listing[Entry]:
    """Return the models whose names match.

    Args:
        pattern: with the wildcards of a shell, such as `resnet*`; None takes all.
        source: zoo, torchvision or timm.

    Raises:
        OptionError: an unknown source.
        SpecError: no name matches.
        DependencyError: the library is not installed.

    Example:
        >>> [entry.name for entry in catalog("resnet*2").rows]
        ['resnet152', 'resnet32', 'resnet1202']
    """
    check_one_of("source", source, ("zoo", *LIBRARIES))
    if source == "zoo":
        entries = _zoo()
    else:
        from archlab.resolve.sources import library_names  # here: it needs torch

        entries = [Entry(name, source) for name in library_names(source)]
    matches = tuple(entry for entry in entries if pattern is None or fnmatch(entry.name, pattern))
    if not matches:
        near = did_you_mean((pattern or "").strip("*"), (entry.name for entry in entries))
        raise SpecError(f"{source} has no model that matches {pattern!r}.{near}")
    is_whole_zoo = source == "zoo" and pattern is None
    shown = columns(Entry) if source == "zoo" else columns(Entry)[:1]
    return Listing("models", matches, shown, footer=_MORE if is_whole_zoo else ())


def _zoo() -> list[Entry]:
    entries = []
    for name in zoo.names():
        variant = zoo.find(name)
        assert variant is not None
        entries.append(Entry(name, "zoo", zoo.describe(name), zoo.ZOO[variant.family].paper))
    return entries
