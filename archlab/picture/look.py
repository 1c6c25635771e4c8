"""How to draw: the options that every verb that draws takes, and their defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archlab.errors import OptionError, check_one_of, keyword
from archlab.fold import BOXES, OPS_BOXES, Wish
from archlab.picture.annotate import MEASURES
from archlab.picture.overlay import Overlay, OverlayLike, overlay_of
from archlab.view.drawing.style import CARDS, DIRECTIONS, FITS, STYLES, VOLUMES
from archlab.view.drawing.volume import BOXES as VOLUME_BOXES
from archlab.view.theme import THEMES


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
        for name in ("boxes", "depth"):
            value = getattr(self, name)
            # To Python True is a whole number: `boxes=True` would be a picture of one box.
            if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
                raise OptionError(f"{keyword(name, value)}: a whole number is wanted.")
        # A single path is an iterable of letters, each of which would be looked for as a module.
        if isinstance(self.expand, str):
            object.__setattr__(self, "expand", (self.expand,))
        check_one_of("theme", self.theme, THEMES)
        check_one_of("style", self.style, STYLES)
        if self.direction is not None:
            check_one_of("direction", self.direction, DIRECTIONS)
        check_one_of("fit", self.fit, FITS)
        if self.color_by is not None:
            check_one_of("color_by", self.color_by, MEASURES)
        if self.depth is not None and self.boxes is not None:
            raise OptionError(
                f"{keyword('boxes')} and {keyword('depth')} exclude each other: a drawing is "
                "opened by a budget of boxes or down to a level."
            )
        if self.boxes is not None and self.boxes < 3:
            raise OptionError(f"{keyword('boxes', self.boxes)}: a picture needs 3 boxes or more.")
        if self.depth is not None and self.depth < 0:
            raise OptionError(f"{keyword('depth', self.depth)}: levels are 0 or more.")
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
                "heat."
            )
        object.__setattr__(self, "overlay", overlay_of(source))

    @property
    def wish(self) -> Wish:
        """What `fold` is asked for."""
        usual = VOLUME_BOXES if self.style == VOLUMES else BOXES
        boxes = self.boxes or (OPS_BOXES if self.ops else usual)
        return Wish(boxes, self.depth, tuple(self.expand), self.insets)
