"""How to draw: the options that every verb that draws takes, and their defaults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archlab.errors import OptionError, check_one_of, check_type, keyword
from archlab.fold import BOXES, OPS_BOXES, Wish
from archlab.picture.annotate import MEASURES
from archlab.picture.overlay import Overlay, OverlayLike, overlay_of
from archlab.view.drawing.style import CARDS, DIRECTIONS, FITS, STYLES, VOLUMES
from archlab.view.drawing.volume import BOXES as VOLUME_BOXES
from archlab.view.theme import THEMES

_LEAST = {"boxes": 3, "depth": 0}  # an input, an output and what is between them; the model itself


@dataclass(frozen=True, slots=True)
class Look:
    """How to draw, checked; `archlab.render` says what each of these is.

    Example:
        >>> look = Look(boxes=20, direction="LR")
        >>> look.theme, look.wish.boxes
        ('auto', 20)
    """

    boxes: int | None = None
    depth: int | None = None
    expand: Sequence[str] = ()
    ops: bool = False
    color_by: str | None = None
    direction: str | None = None  # that of the style
    theme: str = "auto"
    fit: str = "auto"
    overlay: Overlay | OverlayLike | None = None
    insets: bool = False
    style: str = CARDS

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None:
                wanted = f"a whole number of {least} or more"
                check_type(name, value, int, wanted)
                if value < least:
                    raise OptionError(f"{keyword(name, value)}: {wanted} is wanted.")
        object.__setattr__(self, "expand", _paths(self.expand))
        for name in ("ops", "insets"):
            check_type(name, getattr(self, name), bool, "True or False")
        check_one_of("theme", self.theme, THEMES)
        check_one_of("style", self.style, STYLES)
        if self.direction is not None:
            check_one_of("direction", self.direction, DIRECTIONS)
        check_one_of("fit", self.fit, FITS)
        if self.color_by is not None:
            check_one_of("color_by", self.color_by, MEASURES)
        if self.depth is not None and self.boxes is not None:
            raise OptionError(
                f"{keyword('boxes')} and {keyword('depth')} exclude each other: both say how far "
                f"modules are opened. Give {keyword('boxes', self.boxes)} for as much as fits in "
                f"so many boxes, or {keyword('depth', self.depth)} for that many levels of "
                f"modules; {keyword('expand')} goes with either."
            )
        self._check_insets()
        if self.overlay is not None:
            self._read_overlay(self.overlay)

    def _check_insets(self) -> None:
        others = {"style": self.style == VOLUMES, "ops": self.ops, "depth": self.depth is not None}
        for other in (name for name, given in others.items() if self.insets and given):
            raise OptionError(
                f"{keyword('insets')} and {keyword(other, getattr(self, other))} exclude each "
                "other: an inset is for a module that stays a closed card in the drawing."
            )

    def _read_overlay(self, source: Overlay | OverlayLike) -> None:
        """Read the reader's own heat now, so that a file with a fault costs no trace."""
        if self.color_by is not None:
            raise OptionError(
                f"{keyword('color_by')} and {keyword('overlay')} exclude each other: a box has one "
                "heat. Leave one of them out, or draw two pictures."
            )
        object.__setattr__(self, "overlay", overlay_of(source))

    @property
    def wish(self) -> Wish:
        """What `fold` is asked for."""
        usual = VOLUME_BOXES if self.style == VOLUMES else BOXES
        boxes = self.boxes or (OPS_BOXES if self.ops else usual)
        return Wish(boxes, self.depth, tuple(self.expand), self.insets)


def _paths(expand: object) -> tuple[str, ...]:
    """Return paths to open as a tuple; a single path is not a row of letters."""
    if isinstance(expand, str):
        return (expand,)
    paths = tuple(expand) if isinstance(expand, Iterable) else (expand,)
    for path in paths:
        check_type("expand", path, str, "a module path, or a list of them,")
    return paths
