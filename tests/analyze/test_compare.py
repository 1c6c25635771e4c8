"""Several models side by side."""

import json

import pytest
from torch import nn

import archlab
from archlab.analyze.compare import METRICS, Comparison, Entry, compare
from archlab.errors import OptionError
from archlab.result import Header, Missing


def entry(name: str, mode: str = "eval", *missing: Missing, **values: float | None) -> Entry:
    numbers = {metric: values.get(metric, 10.0) for metric in METRICS}
    return Entry(Header(name, "1x3", mode, "by hand", ("a convention",)), numbers, missing)


def test_ratios_and_marks() -> None:
    table = compare([entry("a", params=100), entry("b", params=250)]).table()
    rows = {row["metric"]: row for row in table.rows}
    assert rows["parameters"].items() >= {"metric": "parameters", "a": "100", "b": "250 ≠",
                                          "ratio b": "×2.5"}.items()  # fmt: skip
    assert rows["MACs"]["b"] == "10"
    assert rows["MACs"]["ratio b"] == "×1"


def test_unavailable_numbers_have_no_ratio() -> None:
    comparison = compare([entry("a", training=None, buffers=0), entry("b", buffers=5)])
    rows = {row["metric"]: row for row in comparison.table().rows}
    assert (rows["training (adam)"]["a"], rows["training (adam)"]["ratio b"]) == ("-", "-")
    assert rows["buffers"]["ratio b"] == "-"
    assert comparison.to_dict()["rows"][0]["training"] is None


def test_equal_names_are_told_apart() -> None:
    same = compare([entry("a"), entry("a"), entry("b")]).to_dict()
    assert [row["path"] for row in same["rows"]] == ["a", "a #2", "b"]
    modes = compare([entry("a"), entry("a", "train")])
    assert [row["path"] for row in modes.to_dict()["rows"]] == ["a (eval)", "a (train)"]
    assert modes.to_dict()["mode"] == ["eval", "train"]


def test_what_is_missing_says_where() -> None:
    lost = Missing("aten.fft", 2, "layer", "no rule")
    comparison = compare([entry("a"), entry("b", "eval", lost)])
    assert comparison.status == "partial"
    assert comparison.table().footer[-1] == "b: not counted: aten.fft ×2 (first in layer): no rule"
    assert comparison.to_dict()["missing"] == [
        {"model": "b", "what": "aten.fft", "count": 2, "path": "layer", "why": "no rule"}
    ]


def test_one_model_is_no_comparison() -> None:
    with pytest.raises(OptionError, match="two models or more"):
        compare([entry("a")])


def test_plain_and_residual_nets() -> None:
    """He et al. 2015, section 4.2: option A adds no parameter and no multiply-add."""
    comparison = archlab.compare("resnet20", "plain20")
    assert isinstance(comparison, Comparison)
    first, second = (entry.values for entry in comparison.entries)
    assert first["params"] == second["params"] == 269_722
    assert first["macs"] == second["macs"]
    assert first["inference_peak"] > second["inference_peak"]  # the shortcut is held
    assert "plain20" in str(comparison)
    json.dumps(comparison.to_dict())


def test_modes_side_by_side() -> None:
    """The heads for CIFAR: 1×1 convolution to 128, linear 128 → 1024 → 10, on one position."""
    comparison = archlab.compare_modes(archlab.load("googlenet", layout="cifar", batch=2))
    evaluated, trained = (entry.values for entry in comparison.entries)
    # 2×2 maps, padded by 2 and pooled 5/3: (2 + 4 − 5) // 3 + 1 = 1
    heads = sum(128 * width + 128 * 1024 + 1024 * 10 for width in (512, 832))
    assert trained["macs"] - evaluated["macs"] == 2 * heads
    assert [entry.header.mode for entry in comparison.entries] == ["eval", "train"]
    assert comparison.differences == (
        "outputs differ: googlenet (eval) 2x10, googlenet (train) 2x10 ×3: the ratios compare "
        "different work",
    )


def test_three_models_with_their_own_inputs() -> None:
    comparison = archlab.compare("resnet20", "torchvision:resnet18", "resnet18")
    content = comparison.to_dict()
    assert content["input"] == ["1x3x32x32 float32", "1x3x224x224 float32", "1x3x224x224 float32"]
    assert content["output"] == ["1x10", "1x1000", "1x1000"]
    inputs, outputs = content["differences"]
    assert inputs == (
        "inputs differ: resnet20 1x3x32x32 float32, torchvision:resnet18 1x3x224x224 float32, "
        "resnet18 1x3x224x224 float32: the ratios compare different work"
    )
    assert outputs.startswith("outputs differ: resnet20 1x10, torchvision:resnet18 1x1000, resnet")
    assert comparison.table().footer[1:] == (inputs, outputs)


def test_the_same_work_is_not_said_to_differ() -> None:
    """The published nets of the paper, at one size and with the same classes."""
    comparison = archlab.compare("resnet18", "torchvision:resnet50")
    assert comparison.differences == ()
    assert comparison.to_dict()["differences"] == []


def test_a_net_without_a_tensor_as_output_differs_from_one_with() -> None:
    class Silent(nn.Module):
        def forward(self, x):
            return float(x.shape[0])

    comparison = archlab.compare(
        archlab.load(Silent(), input="2x4"), archlab.load(nn.ReLU(), input="2x4")
    )
    assert [entry.output for entry in comparison.entries] == ["no tensor", "2x4"]
