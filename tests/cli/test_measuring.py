"""The conditions of a measurement on the command line are those of the verbs."""

import inspect

import pytest

import archlab
from archlab.cli.measuring import Measuring, whole_numbers
from archlab.errors import OptionError


@pytest.mark.parametrize("name", ["gradients", "responses", "identity"])
def test_conditions_are_keywords_of_every_probe_with_its_defaults(name) -> None:
    parameters = inspect.signature(getattr(archlab, name)).parameters
    for key, value in Measuring().conditions.items():
        assert str(parameters[key].default) == str(value), key


def test_the_batch_is_a_condition_and_not_one_of_loading() -> None:
    measuring = Measuring(batch=7, options=["shortcut=B"])
    (model,) = measuring.load(["resnet8"])
    assert model.trace().input_text() == "1x3x32x32 float32"
    assert measuring.conditions["batch"] == 7
    assert not {"input", "options"} & set(measuring.conditions)


def test_whole_numbers() -> None:
    assert whole_numbers("depths", "20, 56,0110") == [20, 56, 110]
    assert whole_numbers("depths", None) == []
    for text in ("0", "1.5", "20,", "", "1234567", "-3"):
        with pytest.raises(OptionError, match="whole numbers joined by commas"):
            whole_numbers("depths", text)
