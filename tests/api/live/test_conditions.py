"""Verbs that measure a live net spell the conditions out: with the defaults of the record."""

import inspect
from dataclasses import MISSING, fields

import pytest

import archlab
from archlab.api.live.conditions import Conditions
from archlab.errors import OptionError

DEFAULTS = {field.name: field.default for field in fields(Conditions)}


@pytest.mark.parametrize("name", ["gradients", "module_gradients", "responses", "identity"])
def test_the_defaults_of_a_verb_are_those_of_the_conditions(name: str) -> None:
    assert MISSING not in DEFAULTS.values()
    parameters = inspect.signature(getattr(archlab, name)).parameters
    shared = {key: one.default for key, one in parameters.items() if key in DEFAULTS}
    assert len(shared) >= 10
    assert shared == {key: DEFAULTS[key] for key in shared}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": 0}, "seeds=0: one or more"),
        ({"batch": 0}, "batch=0: one or more"),
        ({"seed": -1}, "seed=-1: a seed is 0 or more"),
        ({"mode": "trian"}, "Did you mean train?"),
        ({"noise": True, "images": "photos"}, "noise and images exclude each other"),
        ({"checkpoint": "a.ckpt", "init": "kaiming"}, "checkpoint brings weights and init draws"),
        ({"layers": ["layer1"], "by": "layer"}, "layers and by exclude each other"),
        ({"device": "gpu"}, "is no device"),
    ],
)
def test_what_is_not_allowed_is_refused(values, message) -> None:
    with pytest.raises(OptionError, match=message):
        Conditions(**values)
