"""What is said of a value on the command line that is no number, or not in its range.

The parser's own words are those of the package that it checks with, and change with its version.
"""

from __future__ import annotations

import inspect
from typing import Any, get_args

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from archlab.errors import OptionError

_NUMBERS = {int: "a whole number", float: "a number"}


class Checked(TyperCommand):
    """A command that refuses a value in archlab's words."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return what is left of the command line.

        Raises:
            OptionError: a value that is no number where one is wanted, or not in its range.
        """
        given = list(args)  # the parser takes from its list
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            param: Any = error.param
            if param is None or (wanted := self._wanted(param.name)) is None:
                raise
            values, _, _ = self.make_parser(ctx).parse_args(args=given)
            value = values.get(param.name) or "''"  # nothing between quotes is a value, too
            raise OptionError(f"{_option(param)} {value}: {wanted}.") from error

    def _wanted(self, name: str) -> str | None:
        """Return which values an option takes; None where it is no number."""
        assert self.callback is not None
        annotation = inspect.signature(self.callback).parameters[name].annotation
        kind, *described = get_args(annotation)
        numbers = [words for each, words in _NUMBERS.items() if each in (kind, *get_args(kind))]
        option = next((each for each in described if isinstance(each, OptionInfo)), None)
        if not numbers or option is None:
            return None
        low, high = option.min, option.max
        if low is None:
            return f"{numbers[0]} is wanted"
        upto = f"from {low:,} to {high:,}" if high is not None else f"of {low:g} or more"
        return f"{numbers[0]} {upto} is wanted"


def _option(param: Any) -> str:
    """Return how the command line spells an option: its first long spelling."""
    spellings: list[str] = param.opts
    return next((each for each in spellings if each.startswith("--")), spellings[0])
