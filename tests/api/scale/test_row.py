"""One row of a scan: published numbers, and the versions that it depends on."""

import pytest
import torch

from archlab.api.scale.row import measure, versions
from archlab.errors import SpecError
from archlab.survey.row import Request


def test_a_row_of_a_published_net() -> None:
    row = measure(Request(model="resnet20"))
    assert (row["params"], row["depth"], row["source"]) == (269_722, 20, "zoo")
    assert (row["rf"], row["rf_w"], row["jump"]) == (81.0, 81.0, 4.0)  # He's 6n + 2 nets, n = 3
    assert row["coverage"] == 1.0
    assert row["missing"] == ""


def test_options_and_inputs_reach_the_net() -> None:
    options = (("num_classes", 10),)
    wide = measure(Request(model="resnet18", options=options, input=("3x64x64",)))
    assert wide["input"] == "1x3x64x64 float32"
    # torchvision's 11,689,512 parameters, less 990 classes of 512 weights and a bias.
    assert wide["params"] == 11_689_512 - 990 * 513


def test_a_model_that_is_none_raises_for_the_worker_to_tell() -> None:
    with pytest.raises(SpecError):
        measure(Request(model="resnet19"))


def test_versions_name_the_library_of_the_model() -> None:
    assert f"torch {torch.__version__}" in versions("zoo")
    assert "timm" not in versions("zoo")
    assert ", torchvision " in versions("torchvision.image")
