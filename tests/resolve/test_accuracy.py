"""Published accuracies: torchvision's own table, and nothing for models of another source."""

import sys

import pytest

from archlab.resolve.accuracy import published_accuracy

IMAGE = "torchvision.image"


@pytest.mark.parametrize(
    ("name", "top1"),
    [
        ("resnet50", 76.13),  # of IMAGENET1K_V1; the second weights have 80.858
        ("vit_b_16", 81.072),
        ("vit_h_14", 88.552),  # has no V1: the first of its weights counts
    ],
)
def test_the_accuracy_is_that_of_torchvisions_table(name, top1) -> None:
    """https://docs.pytorch.org/vision/stable/models.html"""
    assert published_accuracy(f"torchvision:{name}", IMAGE) == top1


def test_a_net_that_was_measured_on_other_data_has_none() -> None:
    assert published_accuracy("torchvision:fcn_resnet50", IMAGE) is None


@pytest.mark.parametrize("family", ["timm", "zoo", "file", "torchvision.video"])
def test_another_source_publishes_none_and_imports_nothing(family, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)  # an import of it would raise
    assert published_accuracy("torchvision:resnet50", family) is None
