"""Patterns and names; what matches nothing."""

import pytest

from archlab.errors import SpecError
from archlab.survey.names import expand, is_pattern, libraries

KNOWN = {"zoo": ["resnet18", "resnet50", "googlenet"], "timm": ["resnet18", "vit_tiny"]}


def test_patterns_are_expanded_in_order_and_once() -> None:
    given = ["timm:*", "resnet50", "resnet*", "zoo:goog*", "my/net.py:Net[1]", "timm:resnet18"]
    assert expand(given, KNOWN.__getitem__) == [
        "timm:resnet18", "timm:vit_tiny", "resnet50", "resnet18", "googlenet", "my/net.py:Net[1]",
    ]  # fmt: skip
    assert libraries(given) == ["timm", "zoo"]
    assert [is_pattern(text) for text in ("a?", "[ab]c", "timm:resnet18")] == [True, True, False]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("resnet9*", "zoo has no model that matches 'resnet9\\*'. Did you mean resnet"),
        ("timm:vit_tny*", "timm has no model that matches.*Did you mean vit_tiny"),
        ("tim:*", "'tim' is none of them. Did you mean timm"),
    ],
)
def test_patterns_that_match_nothing(given, message) -> None:
    with pytest.raises(SpecError, match=message):
        expand([given], KNOWN.__getitem__)
