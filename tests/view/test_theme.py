"""Colours: every role in every theme, and enough contrast to be read."""

import pytest

from archlab.view.theme import DARK, HUES, KIND_TITLES, LIGHT, THEMES, hue


def test_every_hue_is_in_every_theme_and_has_a_title() -> None:
    roles = {*HUES.values(), hue(None)}
    assert roles == set(KIND_TITLES)
    for theme in THEMES.values():
        assert roles <= set(theme.colours)
        assert set(theme.dark or ()) <= set(theme.colours)
        # A style sheet finds a colour by its code: no two roles that change may share one.
        codes = [theme.colours[role] for role in theme.dark or ()]
        assert len(codes) == len(set(codes))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance and contrast ratio."""

    def luminance(code: str) -> float:
        parts = [int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", THEMES)
def test_text_can_be_read_on_what_it_stands_on(name) -> None:
    look = THEMES[name].colours
    for front in ("text", "quiet"):
        for back in ("card", "page", "frame", "inner", "failure"):
            assert contrast(look[front], look[back]) >= 4.5, (front, back)
    for front in ("shape", "shortcut", "skip", "added", "removed", "changed"):
        assert contrast(look[front], look["page"]) >= 4.5, front
    for back in ("sum", "join"):
        assert contrast(look["ink"], look[back]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["page", "frame", "inner", "card"])
@pytest.mark.parametrize("ink", ["text", "quiet", "shape"])
def test_text_can_be_read_on_a_page(colours, ground, ink) -> None:
    assert contrast(colours[ground], colours[ink]) >= 4.5  # WCAG 2.2 AA, 1.4.3
