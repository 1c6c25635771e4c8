"""What all verbs share: unknown keywords are refused, and torch's modes around a call do not count.

A keyword that a verb does not take is never passed to the net.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from archlab.ambient import outside
from archlab.errors import OptionError, did_you_mean

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")

# Called with what is done, of how much, and what comes next.
Progress = Callable[[float, float, str], None]
# Keywords of `load` that people give to verbs.
_OF_LOAD = ("input", "batch", "options")


def verb(function: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
    """Return the function with a clear refusal of keywords that it does not take.

    Raises:
        OptionError: on a call with an unknown keyword; the message names the nearest.

    Example:
        >>> @verb
        ... def area(*, width: int, height: int) -> int:
        ...     return width * height
        >>> area(width=2, heigth=3)
        Traceback (most recent call last):
        archlab.errors.OptionError: area() has no keyword 'heigth'. Did you mean height? ...
    """
    keywords = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]

    # Python before 3.13 says that a keyword is unexpected, and not which one was meant.
    @functools.wraps(function)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        for name in kwargs:
            if name not in keywords:
                raise OptionError(_refusal(function.__name__, name, keywords))
        with outside():
            return function(*args, **kwargs)

    return checked


def _refusal(verb_name: str, name: str, keywords: list[str]) -> str:
    near = did_you_mean(name, keywords)
    if name in _OF_LOAD or not near:
        near += (
            f" Inputs and constructor arguments go to load(): "
            f"archlab.{verb_name}(archlab.load(MODEL, {name}=…))."
        )
    return f"{verb_name}() has no keyword {name!r}.{near} Its keywords are: {', '.join(keywords)}."
