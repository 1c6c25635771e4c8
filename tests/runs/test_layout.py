"""Which nets have layouts, which images take which, and what a record without a layout means."""

import inspect

import pytest

from archlab import zoo
from archlab.errors import SpecError
from archlab.runs.layout import RULE, fitting_layout, has_layouts, layout_note, recorded_options


@pytest.mark.parametrize("name", zoo.names())
def test_layouts_are_those_that_constructors_take(name) -> None:
    takes = "layout" in inspect.signature(zoo.constructor(name)).parameters
    assert has_layouts(name) == has_layouts(f"zoo:{name}") == takes


def test_a_name_elsewhere_has_no_layouts() -> None:
    for model in ("torchvision:resnet18", "timm:resnet18", "my/net.py:resnet18", "alexnet"):
        assert not has_layouts(model)
        assert recorded_options(model, {"layout": "chapter"}) == {"layout": "chapter"}
        assert layout_note(model, {}) == ()
    with pytest.raises(SpecError, match="6n"):
        has_layouts("resnet19")


def test_the_rule_is_the_one_in_words() -> None:
    assert RULE == "cifar for images up to 64x64, imagenet for larger ones"
    sizes = [(16, 16), (32, 32), (64, 64), (64, 65), (65, 64), (224, 224)]
    assert [fitting_layout((3, *size)) for size in sizes] == ["cifar"] * 3 + ["imagenet"] * 3


@pytest.mark.parametrize(
    ("recorded", "meant"),
    [(None, "cifar"), ("chapter", "cifar"), ("cifar", "cifar"), ("imagenet", "imagenet"),
     ("unknown", "unknown")],
)  # fmt: skip
def test_a_record_means_the_net_that_was_trained(recorded, meant) -> None:
    options = {"num_classes": 5} | ({"layout": recorded} if recorded else {})
    read = recorded_options("resnet50", options)
    assert read == {"num_classes": 5, "layout": meant}
    assert layout_note("resnet50", read) == (f"layout={meant}",)
    assert recorded_options("resnet20", {"num_classes": 5}) == {"num_classes": 5}
