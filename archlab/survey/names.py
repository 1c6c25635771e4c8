"""Which models a scan takes: names as they are, patterns such as `timm:convnext*` expanded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from archlab.errors import SpecError, did_you_mean
from archlab.spec import LIBRARIES

SOURCES = ("zoo", *LIBRARIES)


def libraries(patterns: Iterable[str]) -> list[str]:
    """Return the libraries whose names the patterns need.

    Example:
        >>> libraries(["timm:resnet*", "resnet18", "vgg*"])
        ['timm', 'zoo']
    """
    return list(dict.fromkeys(_source(text) for text in patterns if is_pattern(text)))


def is_pattern(text: str) -> bool:
    """Whether a text stands for many models."""
    # The path of a user's file may hold brackets.
    return bool(re.search(r"[*?\[]", text)) and not text.partition(":")[0].endswith(".py")


def expand(patterns: Sequence[str], names: Callable[[str], Sequence[str]]) -> list[str]:
    """Return the specs that patterns and names stand for, each once, in their order.

    Args:
        patterns: `timm:*`, `torchvision:res*`, `vgg*` (of the zoo), or any model spec.
        names: library -> the names it has.

    Raises:
        SpecError: a pattern that matches nothing; the message has the nearest names.
    """
    specs: list[str] = []
    for text in patterns:
        if not is_pattern(text):
            specs.append(text)
            continue
        source, glob = _source(text), text.rpartition(":")[2]
        known = names(source)
        chosen = [name for name in known if fnmatchcase(name, glob)]
        if not chosen:
            near = did_you_mean(re.sub(r"\[.*?\]|[*?]", "", glob), known)
            raise SpecError(
                f"{source} has no model that matches {text!r}.{near} `archlab models --source "
                f"{source}` lists its {len(known):,} names; quote patterns: '{source}:*'."
            )
        prefix = "" if source == "zoo" else f"{source}:"
        specs += [prefix + name for name in chosen]
    return list(dict.fromkeys(specs))


def _source(text: str) -> str:
    source = text.rpartition(":")[0] or "zoo"
    if source not in SOURCES:
        raise SpecError(
            f"{text!r}: patterns look through {', '.join(SOURCES)}; {source!r} is none of them."
            + did_you_mean(source, SOURCES)
        )
    return source
