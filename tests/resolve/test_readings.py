"""How the shapes of several inputs are read, and what values are made for them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archlab.errors import OptionError
from archlab.resolve import Inputs, given_inputs, vocabularies
from archlab.resolve.readings import made
from archlab.spec import InputSpec


def shapes(inputs: Inputs) -> list[tuple[int, ...]]:
    return [spec.shape for spec in inputs.specs()]


def test_the_likeliest_reading_comes_first_and_all_mixtures_follow() -> None:
    attempts = given_inputs(["a=3x8x8", "b=4x16"]).attempts(None)
    assert [shapes(each) for each in attempts] == [
        [(1, 3, 8, 8), (4, 16)],
        [(3, 8, 8), (4, 16)],
        [(1, 3, 8, 8), (1, 4, 16)],
        [(3, 8, 8), (1, 4, 16)],
    ]


def test_attempts_are_bounded() -> None:
    assert len(given_inputs(["4x16"] * 20).attempts(None)) == 32


def test_bounds_of_whole_numbers() -> None:
    inputs = given_inputs(["x=20x16", "edge_index=2x40:int64", "ids=1x5:int64", "mask=2x5:bool"])
    (first, *_) = inputs.attempts(None, [119, 7])
    assert {spec.name: spec.below for spec in first.specs() if not spec.floating} == {
        "edge_index": 7,
        "ids": 7,
        "mask": 2,
    }
    inputs = given_inputs(["x=20x16", "edge_index=2x40:int64"])
    (first, *_) = inputs.attempts(None)
    assert first.specs()[1].below == 20
    assert [spec.below for spec in first.zeros().specs()] == [1, 1]


def test_vocabularies_are_those_of_embeddings() -> None:
    net = nn.ModuleList([nn.Embedding(5, 2), nn.EmbeddingBag(3, 2), nn.Linear(9, 9)])
    assert vocabularies(net) == [5, 3]


def test_values_are_valid() -> None:
    generator = torch.Generator().manual_seed(0)
    flags = made(InputSpec((100,), "bool", below=50), generator)
    assert set(flags.tolist()) == {True, False}
    boxes = made(InputSpec((9, 4), name="targets.0.boxes"), generator)
    assert bool((boxes[:, 2:] > boxes[:, :2]).all())
    assert bool((made(InputSpec((2,), "complex64"), generator).imag != 0).all())


def test_advice() -> None:
    with pytest.raises(OptionError, match="batch=8 and input 2x3x8x8"):
        given_inputs("2x3x8x8").advice("", 8)
    assert given_inputs("3x8x8").advice("", 8) == ""
    two = given_inputs(["a=3x8x8", "b=4x16"])
    assert "[1x8x32]" in two.advice("expected `key` to be 3-D but found 2-D", None)
    assert two.advice("unexpected keyword argument 'b'", None) == ""
    targets = given_inputs("3x8x8").advice("targets should not be None", None)
    assert "targets.0.boxes=2x4" in targets
