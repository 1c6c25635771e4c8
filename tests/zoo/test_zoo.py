"""Names, descriptions, options and errors of the zoo, over every family of the dict."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archlab import zoo
from archlab.errors import OptionError, SpecError

ROOT = Path(__file__).parents[2]


def in_fresh_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_names_are_the_issued_ones() -> None:
    large, small = (18, 34, 50, 101, 152), (20, 32, 44, 56, 110, 1202)
    expected = ["googlenet"]
    expected += [f"resnet{depth}" for depth in large] + [f"plain{depth}" for depth in large]
    expected += [f"resnet{depth}" for depth in small] + [f"plain{depth}" for depth in small]
    issued = ("googlenet", "resnet", "plain", "cifar_resnet", "cifar_plain")
    assert [name for key in issued for name in zoo.ZOO[key].names] == expected
    assert set(expected) <= set(zoo.names())


@pytest.mark.parametrize("key", zoo.ZOO)
def test_every_family_owns_its_names_and_cites_a_paper(key: str) -> None:
    family = zoo.ZOO[key]
    assert family.names
    for name in family.names:
        variant = zoo.find(name)
        assert variant is not None
        assert variant.family == key
    assert re.search(r"arXiv:\d{4}\.\d{4,5}", family.paper)


@pytest.mark.parametrize("name", [name for name in zoo.names() if "1202" not in name])
def test_every_name_builds_on_meta_and_runs_on_its_input_shape(name: str) -> None:
    with torch.device("meta"):
        net = zoo.build(name, num_classes=7).eval()
        out = net(torch.empty(2, *net.input_shape))
    assert out.shape == (2, 7)
    line = zoo.describe(name)
    assert "\n" not in line
    assert name.strip("abcdefghijklmnopqrstuvwxyz_") in line


@pytest.mark.parametrize(
    ("name", "family", "depth"),
    [
        ("resnet50", "resnet", 50),
        ("resnet152", "resnet", 152),
        ("plain50", "plain", 50),
        ("plain152", "plain", 152),
        ("cifar_resnet50", "cifar_resnet", 50),
        ("cifar_plain152", "cifar_plain", 152),
        ("resnet62", "cifar_resnet", 62),
        ("plain14", "cifar_plain", 14),
        ("cifar_resnet20", "cifar_resnet", 20),
        ("resnet8", "cifar_resnet", 8),
        ("googlenet", "googlenet", None),
    ],
)
def test_find(name: str, family: str, depth: int | None) -> None:
    assert zoo.find(name) == zoo.Variant(family, depth)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "alexnet",
        "resnet",
        "resnet018",
        "resnet-18",
        "ResNet18",
        "xresnet18",
        "resnet\u0662\u0660",
    ],
)
def test_a_name_of_no_family_is_none_and_does_not_build(name: str) -> None:
    assert zoo.find(name) is None
    with pytest.raises(SpecError, match="not a net of the zoo"):
        zoo.build(name)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("resnet57", "try resnet56 or resnet62, or .* 18, 34, 50, 101, 152"),
        ("cifar_plain21", r"try cifar_plain20 or cifar_plain26\.$"),
        ("cifar_resnet18", r"try cifar_resnet14 or cifar_resnet20\.$"),
        ("plain2", "try plain8,"),
        # The bare names of 50 and 152 mean other nets.
        ("resnet49", "try resnet44 or cifar_resnet50,"),
        ("plain153", "try cifar_plain152 or plain158,"),
    ],
)
def test_a_depth_off_the_ladder_names_its_neighbours(name: str, nearest: str) -> None:
    for ask in (zoo.find, zoo.build, zoo.describe):
        with pytest.raises(SpecError, match=nearest):
            ask(name)


def test_an_unknown_name_suggests_a_known_one() -> None:
    with pytest.raises(SpecError, match="Did you mean googlenet"):
        zoo.describe("goglenet")


@pytest.mark.parametrize(
    ("name", "option", "known"),
    [
        ("googlenet", "shortcut", "layout, norm, factorize, aux, num_classes"),
        ("resnet18", "widths", "layout, residual, norm, num_classes"),
        ("plain18", "residual", "layout, norm, num_classes"),
        ("resnet20", "layout", "residual, widths, shortcut, norm, in_channels, num_classes"),
        ("plain20", "shortcut", "widths, norm, in_channels, num_classes"),
        ("resnet18", "depth", "layout, residual, norm, num_classes"),
    ],
)
def test_an_unknown_option_lists_the_known_ones(name: str, option: str, known: str) -> None:
    with pytest.raises(OptionError, match=f"{name} has no option '{option}'; it has {known}"):
        zoo.build(name, **{option: 1})


def test_an_unknown_option_suggests_a_known_one() -> None:
    with pytest.raises(OptionError, match="Did you mean num_classes"):
        zoo.build("resnet18", num_class=10)


@pytest.mark.parametrize(
    ("name", "option", "value", "allowed"),
    [
        ("googlenet", "layout", "chapter", "'imagenet', 'cifar'"),
        ("googlenet", "norm", "layer", "'batch', 'none'"),
        ("googlenet", "factorize", "v4", "'none', 'v2', 'v3'"),
        ("googlenet", "aux", "no", "True or False"),
        ("resnet18", "layout", ["cifar"], "'imagenet', 'cifar'"),
        ("resnet18", "residual", 1, "True or False"),
        ("resnet18", "num_classes", 0, "from 1 up"),
        ("resnet18", "num_classes", True, "from 1 up"),
        ("plain18", "norm", None, "'batch', 'none'"),
        ("resnet20", "shortcut", "a", "'A', 'B', 'C'"),
        ("resnet20", "widths", (16, 32), "three channel counts"),
        ("resnet20", "widths", (16, 32, 0.5), "from 1 up"),
        ("resnet20", "widths", (32, 16, 8), "do not shrink"),
        ("plain20", "in_channels", -3, "from 1 up"),
    ],
)
def test_a_bad_value_says_what_was_given_and_what_is_allowed(
    name: str, option: str, value: object, allowed: str
) -> None:
    with pytest.raises(OptionError, match=allowed) as caught:
        zoo.build(name, **{option: value})
    assert str(caught.value).startswith((f"{option}: ", "shortcut: "))


def test_describe() -> None:
    assert zoo.describe("resnet50") == (
        "ResNet-50, bottleneck units, 224x224 input (layout=cifar for 32x32)"
    )
    assert zoo.describe("plain34").startswith("Plain net-34, basic units, no shortcuts")
    assert zoo.describe("resnet56").startswith("CIFAR ResNet-56, 9 basic units a stage")


def test_the_names_need_no_torch() -> None:
    code = "import sys; from archlab import zoo; zoo.names(); zoo.describe('resnet18'); "
    assert in_fresh_python(code + "print('torch' in sys.modules)") == "False"


@pytest.mark.skipif(torch.__version__ < "2.11", reason="an older torch imports sympy for meta")
def test_building_on_meta_stays_light() -> None:
    # sympy and torch._dynamo cost a second of imports; the zoo never needs torchvision.
    code = """
import sys, torch
from archlab import zoo
with torch.device("meta"):
    for family in zoo.ZOO.values():
        zoo.build(family.names[-1])
    zoo.build("googlenet", layout="cifar", norm="none", factorize="v3")
    zoo.build("resnet20", shortcut="C", norm="none")
print([name for name in ("sympy", "torch._dynamo", "torchvision") if name in sys.modules])
"""
    assert in_fresh_python(code) == "[]"
