"""The sheets that a drawing may fit, and the themes."""

import pytest

from archlab.errors import OptionError
from archlab.view.drawing.style import FITS, theme_of


def test_sheets_have_the_ratios_of_paper_slide_and_screen() -> None:
    assert FITS["page"] == pytest.approx(2**0.5, rel=0.001)  # DIN A: height to width
    assert FITS["slide"] == 9 / 16
    assert FITS["screen"] == 10 / 16  # 1440 × 900
    assert FITS["none"] == 0.0
    assert FITS["auto"] is None


def test_an_unknown_theme_is_refused() -> None:
    with pytest.raises(OptionError, match="Allowed: auto, light, dark, print"):
        theme_of("blue")
