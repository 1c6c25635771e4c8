"""One tree of errors, drawn where it is defined; suggestions that are near."""

import inspect
from dataclasses import dataclass

import pytest
import torch
from torch import nn

import archlab
from archlab import errors
from archlab.errors import (
    ArchlabError,
    OptionError,
    TraceError,
    check_one_of,
    did_you_mean,
    keyword,
    shown,
)


def classes() -> list[type[Exception]]:
    found = vars(errors).values()
    return [item for item in found if inspect.isclass(item) and issubclass(item, Exception)]


def test_every_error_is_an_archlab_error() -> None:
    assert len(classes()) == 14
    assert all(issubclass(item, ArchlabError) for item in classes())
    assert archlab.ArchlabError is ArchlabError


def test_the_tree_in_the_docstring_is_complete() -> None:
    drawn = errors.__doc__
    assert all(item.__name__ in drawn for item in classes())


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("resnet19", ["resnet18", "googlenet"], " Did you mean resnet18?"),
        ("RESNET18", ["resnet18"], " Did you mean resnet18?"),
        ("jsn", ["json", "csv", "md"], " Did you mean json?"),
        ("zzz", ["json", "csv"], ""),
        ("", ["json"], ""),
        ("convnext", [], ""),
    ],
)
def test_did_you_mean(name, known, text) -> None:
    assert did_you_mean(name, known) == text


def test_suggestions_are_few() -> None:
    known = [f"resnet{depth}" for depth in range(10, 60)]
    assert did_you_mean("resnet5", known).count(" or ") == 2
    assert did_you_mean("resnet5", known, limit=1).count(" or ") == 0


def test_check_one_of() -> None:
    check_one_of("mode", "eval", ("eval", "train"))
    with pytest.raises(OptionError, match=r"mode='x' is unknown. *Allowed: eval, train"):
        check_one_of("mode", "x", ("eval", "train"))


def test_a_trace_error_carries_the_part_that_ran() -> None:
    assert TraceError("stopped").graph is None
    with pytest.raises(TraceError, match="failed in 2") as caught:
        archlab.trace(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(4, 2)))
    graph = caught.value.graph
    assert (graph.failure.path, graph.failure.shapes) == ("2", ((1, 8),))
    assert [node.path for node in graph.nodes if node.kind != "permute"] == ["0", "1"]


def test_values_of_tensors_are_not_shown() -> None:
    @dataclass
    class Holder:
        x: torch.Tensor

    tensor = torch.full((2, 3), 0.125)
    assert shown([tensor, (1, {"a": tensor.numpy()})]) == (
        "[Tensor 2x3 float32, (1, {'a': ndarray 2x3 float32})]"
    )
    assert shown((nn.Parameter(tensor),)) == "(Parameter 2x3 float32,)"
    assert shown(torch.tensor(0.125)) == "Tensor () float32"
    assert shown(Holder(tensor)) == "Holder"
    assert keyword("batch", tensor) == "batch=Tensor 2x3 float32"
