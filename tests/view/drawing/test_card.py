"""Labels of boxes, frames and edges: every word is there, and numbers are those of one repeat."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from archlab.fold.drawing import Amounts, Box, Drawing, Edge, Group, Heat, Role, Shape
from archlab.ir.kinds import Kind
from archlab.view.drawing import card
from archlab.view.theme import THEMES

THEME = THEMES["light"]
BOX = Box("a.conv", "a.conv", Shape.OPERATOR, "Conv 3×3", Kind.CONV, fused=("BN",), name="conv",
          width=16, unit="ch", repeats=8,
          amounts=Amounts(8_000, macs=80_000, heat=5.0))  # fmt: skip
SHARE = Heat("macs", "MACs", share=True, low=0, high=10, total=20)
PIXELS = Heat("receptive-field", "receptive field, px", share=False, low=1, high=1000)


def drawing(heat: Heat | None = None, **more) -> Drawing:
    return Drawing("net", "1x3x8x8 float32", "eval", "by hand", (BOX,), (), (), heat=heat, **more)


def parsed(label: str) -> ET.Element:
    """An HTML label stands between angle brackets and is well-formed, as Graphviz wants it."""
    assert (label[0], label[-1]) == ("<", ">")
    return ET.fromstring(f"<label>{label[1:-1]}</label>")


def words(label: str) -> list[str]:
    return [font for item in parsed(label).iter("FONT") if (font := "".join(item.itertext()))]


def test_a_card_says_what_it_is_where_it_is_and_what_one_repeat_costs() -> None:
    label = card.card(BOX, THEME, drawing(), widest=16)
    assert words(label) == ["Conv 3×3 · BN", "conv · 16 ch · 1.00 K params"]
    strip, text = parsed(label).iter("TD")
    assert strip.get("BGCOLOR") == "#0072b2"  # Okabe and Ito's blue
    assert text.get("WIDTH") == "180"  # the widest map: 70 + 110
    narrow = card.card(BOX, THEME, drawing(), widest=64)
    assert 'WIDTH="125"' in narrow  # a quarter as wide: 70 + 110 / 2


def test_a_card_has_its_row_its_mark_and_its_heat() -> None:
    box = replace(BOX, times=3, mark="added")
    label = card.card(box, THEME, drawing(SHARE), widest=16)
    assert words(label)[2:] == ["25.0 % of MACs, ×8 together", "+ added", "×3"]
    assert len(list(parsed(label).iter("TD"))) == 4
    unknown = replace(box, amounts=Amounts())
    assert words(card.card(unknown, THEME, drawing(SHARE), 16))[-1] == "╱╱"


def test_a_join_is_its_sign() -> None:
    plus = Box("a/add", "a", Shape.SUM, "+", Kind.ELEMENTWISE, fused=("ReLU",), width=16, unit="ch")
    cat = Box(
        "a/cat", "a", Shape.CONCAT, "Concat", Kind.CONCAT, width=48, unit="ch", mark="removed"
    )
    assert words(card.card(plus, THEME, drawing(), 16)) == ["⊕", "  ReLU"]
    assert words(card.card(cat, THEME, drawing(), 16)) == ["Concat", "  48 ch", "  − removed"]


@pytest.mark.parametrize("content", ['a <b>&"c"', "word " * 40, "x" * 200, "", "a-b-" * 30])
def test_no_text_is_cut_and_no_line_is_too_long(content) -> None:
    lines = card.wrapped(content)
    assert max(map(len, lines)) <= 38
    assert "".join(lines).replace(" ", "") == content.replace(" ", "")
    assert "".join(parsed(f"<{card.text(content, 9, '#000000')}>").itertext()) == content


@pytest.mark.parametrize(
    ("value", "place"),
    [(5, (0.7993, 0.2330)), (0, (0.0, 0.0)), (10, (0.8997, 1 / 3)), (0.02, (0.0, 0.0)),
     (20, (1.0, 0.4337))],
)  # fmt: skip
def test_heat_is_placed_by_its_powers(value, place) -> None:
    """Of 1 … 1000 pixels 10 is a third of the way: log 10 / log 1000. Of 5, log 5 is 0.699.

    Of a total of 20 the scale begins at 0.02; 5 is 250 times that, and log 250 is 2.398 of 3.
    """
    both = tuple(card.scaled(value, drawing(heat)) for heat in (SHARE, PIXELS))
    assert both == pytest.approx(place, abs=1e-4)


def test_a_scale_without_two_ends_has_only_its_ends() -> None:
    single = drawing(replace(PIXELS, low=7, high=7))
    assert [card.scaled(value, single) for value in (7, 8)] == [0.0, 1.0]
    assert card.scaled(0, drawing(replace(SHARE, high=0, total=0))) == 0.0


def test_heat_in_words() -> None:
    gradient = Heat("gradient", "gradient", share=False, low=0, high=1)
    assert card.heat_text(2.5, drawing(SHARE)) == "12.5 % of MACs"
    assert card.heat_text(2.5, drawing(replace(SHARE, total=0))) == "0.0 % of MACs"
    assert card.heat_text(1234, drawing(PIXELS)) == "receptive field 1,234 px"
    assert card.heat_text(0.0012345, drawing(gradient)) == "gradient 0.00123"


def test_weights_of_one_repeat() -> None:
    assert card.weights(BOX) == "1.00 K params"
    assert card.weights(replace(BOX, average=True)) == "⌀ 1.00 K params"
    assert card.weights(replace(BOX, amounts=Amounts(0, shared=True))) == "shared weights"
    assert card.weights(replace(BOX, amounts=Amounts(0))) == ""


def test_a_frame_is_named_within_the_frame_around_it() -> None:
    outer = Group("layer1", "layer1", "Sequential")
    block = Group("layer1.0", "layer1.0", "ResidualBottleneckWithGates", 3, parent="layer1",
                  repeats=3, note="+4 each", amounts=Amounts(6_000, macs=9_000, partial=True)
                  )  # fmt: skip
    conv = Group("layer1.0.conv", "layer1.0.conv", "Conv", parent="layer1.0")
    whole = replace(drawing(), groups=(outer, block, conv))
    names = [card.group_name(group, whole) for group in (outer, block, conv)]
    assert names == ["layer1", "layer1.0", "conv"]  # a bare number says nothing
    said = " ".join(words(card.frame(block, whole, THEME)))
    for piece in ("layer1.0", "×3", "Residual", "2.00 K params", "≥ 3.00 K MACs", "+4 each"):
        assert piece in said
    assert card.group_name(conv, replace(drawing(), inside="layer1.0")) == "conv"


def test_an_edge_says_where_a_shape_changes() -> None:
    main = Edge("a", "b", shape=(16, 8, 8), changed=True)
    assert words(card.edge_text(main, THEME)) == [" 16×8×8"]
    assert words(card.edge_text(replace(main, shape=()), THEME)) == [" scalar"]
    assert card.edge_text(replace(main, changed=False), THEME) == ""
    assert card.edge_text(replace(main, role=Role.IDENTITY), THEME) == ""
    assert words(card.edge_text(replace(main, mark="changed"), THEME)) == ["≠ changed"]


def test_a_pointer_shows_the_exact_numbers_of_all_repeats() -> None:
    memory = Heat("memory", "activation memory", share=True, low=0, high=9000, total=9000)
    box = replace(BOX, times=2, amounts=Amounts(8_000, heat=6144.0))
    assert card.tooltip(box, drawing(memory)).split("\n") == [
        "a.conv", "Conv 3×3 · BN ×2", "8,000 parameters in all 8 repeats",
        "activation memory: 6.00 KiB",
    ]  # fmt: skip


def test_the_title_says_what_is_not_known() -> None:
    assert words(card.heading(drawing(), THEME, 1_500, None)) == [
        "net", " ", "1.500 K params · MACs unknown", "input 1×3×8×8 float32 · eval mode",
    ]  # fmt: skip
