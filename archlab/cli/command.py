"""From a function to a command: groups of options become options, and messages name them.

A group is a frozen dataclass whose fields are annotated with `typer.Option`. A function that takes
one takes all its options; a group checks itself in `__post_init__`, which is before the work.
Typer names an option after its field. Flags are named, because it would add a `--no-` to each.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, get_type_hints

import typer
from typer.models import OptionInfo

from archlab.cli.interrupt import limited, told_on_interrupt
from archlab.cli.streams import apart
from archlab.contain import contained, kept_alive, working_folder
from archlab.errors import OptionError, keyword, spelled

YEAR = 31_536_000  # seconds


@dataclass(frozen=True)
class Everywhere:
    """The options of every command; `applied` holds for the time of the command's work."""

    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False

    @contextlib.contextmanager
    def applied(self, spelling: Callable[[str], str]) -> Iterator[None]:
        """Let the messages of the library name options, and keep a model's code in its place."""
        if not working_folder():
            raise OptionError("The current folder has been deleted. Change into another one.")
        with spelled(spelling), apart(), told_on_interrupt(), kept_alive(), contained():
            yield


@dataclass(frozen=True)
class Limit:
    """How long a command may take; for those that have no limit of their own."""

    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.1, help="Seconds for all of it. Default: no limit."),
    ] = None

    def __post_init__(self) -> None:
        # NaN is neither below nor above anything, and the system counts no longer waits.
        if self.timeout is not None and not self.timeout <= YEAR:
            raise OptionError(f"{keyword('timeout', self.timeout)}: {YEAR:,} seconds are the most.")


@dataclass(frozen=True)
class Typed:
    """Which options stand on the command line, whatever their values: for refusals."""

    names: frozenset[str]
    spelling: Callable[[str], str]  # parameter -> how the command line spells it

    def any(self, *names: str) -> bool:
        """Whether one of the options was given."""
        return not self.names.isdisjoint(names)

    def exclusive(self, one: str, *others: str, because: str) -> None:
        """Raise OptionError for an option beside one that it leaves nothing to do."""
        for other in others:
            if {one, other} <= self.names:
                raise OptionError(
                    f"{self.spelling(one)} and {self.spelling(other)} exclude each other: "
                    f"{because}."
                )

    def require(self, needed: str, *names: str, because: str) -> None:
        """Raise OptionError for an option without the one that it belongs to."""
        for name in names:
            if name in self.names and needed not in self.names:
                raise OptionError(
                    f"{self.spelling(name)} is for {self.spelling(needed)}, which is not given: "
                    f"{because}."
                )


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Return the function as typer takes it: one parameter an option, groups taken apart.

    Example:
        >>> @dataclass(frozen=True)
        ... class Size:
        ...     width: Annotated[int, typer.Option("--width")] = 1
        >>> def area(size: Size, height: Annotated[int, typer.Option("--height")] = 1) -> None:
        ...     print(size.width * height)
        >>> list(inspect.signature(command(area)).parameters)
        ['context', 'height', 'width', 'timeout', 'debug']
    """
    own = _parameters(function)
    groups = {name: each.annotation for name, each in own.items() if is_dataclass(each.annotation)}
    options = {name: each for name, each in own.items() if name not in groups}
    wants_typed = [name for name, group in groups.items() if group is Typed]
    for name in wants_typed:
        del groups[name]
    # A help text lists options in this order: first the command's own, then what others share.
    for group in groups.values():
        options |= _parameters(group)
    shared: list[Any] = [Everywhere] if "timeout" in options else [Limit, Everywhere]
    for common in shared:
        options |= _parameters(common)
    spelling = functools.partial(_spelling, options=options)

    def run(context: typer.Context, **values: Any) -> None:
        sources = {name: context.get_parameter_source(name) for name in values}
        # By its name: newer typers have a copy of click inside, with an enumeration of its own.
        names = (name for name, each in sources.items() if each and each.name == "COMMANDLINE")
        typed = Typed(frozenset(names), spelling)
        everywhere = _taken(Everywhere, values)
        with spelled(spelling):
            limit = _taken(Limit, values).timeout if Limit in shared else None
        with limited(limit), everywhere.applied(spelling):
            # A group checks itself when it is made: its messages, too, have to name options.
            parts = {name: _taken(group, values) for name, group in groups.items()}
            function(**values, **parts, **dict.fromkeys(wants_typed, typed))

    first = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    parameters = [first, *options.values()]
    functools.update_wrapper(run, function)
    # Typer reads the signature for the options, and the annotations for their types.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _parameters(owner: Any) -> dict[str, inspect.Parameter]:
    """Return the parameters of a function, or of a group's constructor, as keywords."""
    # Annotations are text in every file here; typer needs what the text stands for.
    hints = get_type_hints(owner, include_extras=True)
    return {
        name: each.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, each in inspect.signature(owner).parameters.items()
    }


def _taken(group: Any, values: dict[str, Any]) -> Any:
    """Return the group made of its values, which are taken out."""
    return group(**{field.name: values.pop(field.name) for field in fields(group)})


def _spelling(name: str, options: Mapping[str, inspect.Parameter]) -> str:
    """Return `--set` for `options`, `MODEL` for `models`; `--data-dir` where nothing is said."""
    # A check deep inside the library may name what this command has no option for.
    described = options[name].annotation.__metadata__[0] if name in options else None
    if described is not None and not isinstance(described, OptionInfo):
        return name.upper().removesuffix("S")
    if described is not None:
        # The first of the spellings is what typer calls the default, inside of Annotated.
        for text in (described.default, *(described.param_decls or ())):
            if isinstance(text, str) and text.startswith("--"):
                return text.partition("/")[0]
    return "--" + name.replace("_", "-")
