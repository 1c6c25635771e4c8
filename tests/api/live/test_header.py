"""The header of a measurement says everything that the numbers hold for."""

import pytest
import torch
from torch import nn

from archlab.api.live.conditions import Conditions, Subject
from archlab.api.live.header import header
from archlab.api.model import Model

PLAIN = Subject("plain8", Model("plain8"))


def line(loss: str = "", **values) -> str:
    return header([PLAIN], ["plain8"], Conditions(**values), "what", loss).conventions[1]


@pytest.mark.parametrize(
    ("values", "loss", "words"),
    [
        ({"seeds": 1, "seed": 3}, "", "1 seed (3) of weights, data · "),
        ({"seeds": 3, "seed": 2}, "mse", "3 seeds (2-4) of weights, data, labels · "),
        ({"seeds": 3, "noise": True}, "", "noise images, N(0, 1)"),
        ({"norm": "none", "dtype": "float64"}, "", "float64 on cpu · norm none"),
        ({}, "", "as built"),
    ],
)
def test_words_for_conditions(values, loss, words) -> None:
    assert words in line(loss, **values)


@pytest.mark.parametrize(
    ("content", "step"), [({"global_step": 7}, ", step 7"), ({"epoch": 2}, ", epoch 2"), ({}, "")]
)
def test_a_checkpoint_tells_its_step_and_fixes_the_weights(tmp_path, content, step) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    head = header([PLAIN], ["plain8"], Conditions(checkpoint=path), "what", "mse")
    assert head.build == f"weights of {path}{step}"
    assert "3 seeds (0-2) of data · " in head.conventions[1]


def test_what_is_measured_comes_first_and_inputs_may_differ() -> None:
    other = Subject("b", Model(nn.Sequential(nn.Linear(4, 2)), input="4"))
    head = header([PLAIN, other], ["a", "b"], Conditions(), "what is measured")
    assert (head.model, head.conventions[0]) == ("a, b", "what is measured")
    assert head.input == "1x3x32x32 float32 / 4 float32"
