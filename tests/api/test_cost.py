"""Counts of whole models: what the verbs take, what they refuse, and how an answer prints."""

import warnings

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import OptionError


def test_verbs_take_input_batch_and_constructor_arguments() -> None:
    result = archlab.flops(archlab.load("resnet18", num_classes=10, batch=2, input="3x64x64"))
    assert result.header.input == "2x3x64x64 float32"
    # 224 / 64 = 3.5: all maps are 1/12.25 of the published net's, the last layer has 10 classes
    assert result.totals.macs == 2 * ((1_814_073_344 - 512 * 1000) / 12.25 + 512 * 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: archlab.params("resnet20", mode="evaluate"), "mode='evaluate' is unknown"),
        (lambda: archlab.check("resnet20", parms=3), "Did you mean params"),
        (lambda: archlab.check("resnet20"), "Nothing to check: give max_params"),
        (lambda: archlab.compare("resnet20"), "two models or more"),
    ],
)
def test_wrong_calls(call, message) -> None:
    with pytest.raises(OptionError, match=message):
        call()


def test_a_dynamically_quantized_model_is_partial_not_free() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao.quantization is deprecated
        net = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(8, 4)), {nn.Linear})
        result = archlab.flops(archlab.load(net, input=(1, 8)))
    assert result.status == "partial"
    assert "linear" in result.missing[0].what


def test_results_print_as_tables() -> None:
    text = str(archlab.params("resnet20"))
    assert text.startswith("resnet20 · input 1x3x32x32 float32 · eval mode · built on meta")
    assert "269,722" in text
