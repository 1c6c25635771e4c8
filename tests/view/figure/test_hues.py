"""One hue and dash a family, deeper nets darker, plain nets the same everywhere."""

import colorsys

import pytest

from archlab.view.figure.export import COLOURS
from archlab.view.figure.hues import looks


def hls(colour: str) -> tuple[float, float, float]:
    return colorsys.rgb_to_hls(*(part / 255 for part in bytes.fromhex(colour[1:])))


def test_a_family_has_one_hue_and_deeper_is_darker() -> None:
    names = ["resnet56", "plain110", "resnet20", "plain20", "resnet110", "plain56"]
    by_name = dict(zip(names, looks(names), strict=True))
    for family, base in (("resnet", COLOURS[0]), ("plain", COLOURS[1])):
        colours = [by_name[f"{family}{depth}"].colour for depth in (20, 56, 110)]
        hues = [hls(colour)[0] for colour in (*colours, base)]
        assert hues == pytest.approx([hues[0]] * 4, abs=0.01)
        light, middle, dark = (hls(colour)[1] for colour in colours)
        assert light > middle > dark
        assert len({by_name[f"{family}{depth}"].dash for depth in (20, 56, 110)}) == 1


@pytest.mark.parametrize("plain", ["plain20", "resnet20 (plain twin)"])
def test_plain_nets_look_alike_in_every_figure(plain) -> None:
    for names in ([plain], [plain, "resnet20"], ["vgg16", "resnet20", plain]):
        look = looks(names)[names.index(plain)]
        assert (look.colour, look.dash) == (COLOURS[1], "--")


def test_families_are_told_apart_in_grey() -> None:
    found = looks(["googlenet", "resnet18", "plain18", "vgg16"])
    assert len({str(look.dash) for look in found}) == 4
    assert len({look.colour for look in found}) == 4
    assert ":" not in [look.dash for look in found]  # which is theory's


def test_many_families_still_have_a_look() -> None:
    found = looks([f"net{letter}" for letter in "abcdefghijkl"])
    assert len(set(found)) > 8
    assert looks([]) == []
