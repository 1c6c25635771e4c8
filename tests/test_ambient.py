"""What stands around a call of a verb changes no answer: modes and transforms of torch."""

import contextlib
import sys
from typing import Any

import pytest
import torch
from torch import nn

import archlab
from archlab.ambient import outside
from archlab.runs.recipe import recipe

# Of torch itself: its forward-mode rules are scripts.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:FutureWarning")
TINY = recipe("demo", overrides={"steps": 2, "batch_size": 8, "widths": (4, 4, 4)})


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Any) -> Any:
        x = self.norm(self.stem(x)).relu()
        return self.head((x + self.body(x)).mean((2, 3)))


torch.manual_seed(0)
NET = Net()


def loaded() -> archlab.Model:
    return archlab.load(NET, input="3x16x16", batch=4)


VERBS = {
    "flops": lambda _: archlab.flops(loaded(), mode="train").totals,
    "params": lambda _: archlab.params(loaded()).totals,
    "memory": lambda _: archlab.memory(loaded()).totals,
    "summary": lambda _: archlab.summary(loaded()).totals,
    "shapes": lambda _: archlab.shapes(loaded()).totals,
    "receptive_field": lambda _: archlab.receptive_field(loaded()).totals,
    "verify_receptive_field": lambda _: archlab.verify_receptive_field(loaded()).totals,
    "effective": lambda _: archlab.effective_receptive_field(loaded()).totals,
    "gradients": lambda _: archlab.gradients(loaded(), seeds=1).totals,
    "responses": lambda _: archlab.responses(loaded(), seeds=1).totals,
    "identity": lambda _: archlab.identity(loaded(), seeds=1).totals,
    "check": lambda _: archlab.check(loaded(), params="1M").totals,
    "compare": lambda _: archlab.compare(loaded(), "resnet20").to_dict(),
    "render": lambda _: archlab.render(loaded()).data("dot"),
    "render_backward": lambda _: archlab.render_backward(loaded()).data("dot"),
    "train_model": lambda out: archlab.train_model(
        "resnet8", data="embedded", recipe=TINY, out=out
    ).rows[-1].loss,
}  # fmt: skip


def in_transform(transform: Any, *inputs: Any) -> Any:
    """Return a function that calls another inside of a transform."""

    def call(work: Any) -> Any:
        answers = []

        def function(x: torch.Tensor) -> torch.Tensor:
            answers.append(work())
            return x.sum()

        transform(function)(*inputs)
        return answers[0]

    return call


def in_mode(mode: Any) -> Any:
    def call(work: Any) -> Any:
        with mode():
            return work()

    return call


AROUND = {
    "no_grad": in_mode(torch.no_grad),
    "inference_mode": in_mode(torch.inference_mode),
    "device": in_mode(lambda: torch.device("meta")),
    "vmap": in_transform(torch.vmap, torch.ones(3, 2)),
    "grad": in_transform(torch.func.grad, torch.ones(2)),
    "jvp": in_transform(
        lambda function: lambda x: torch.func.jvp(function, (x,), (x,)), torch.ones(2)
    ),
}


@pytest.mark.parametrize("name", VERBS)
def test_nothing_around_a_verb_changes_its_answer(name, tmp_path) -> None:
    expected = VERBS[name](tmp_path / "plain")
    for around, call in AROUND.items():
        answer = call(lambda around=around: VERBS[name](tmp_path / around))
        assert answer == expected, around


@pytest.mark.filterwarnings("ignore")
def test_autocast_is_part_of_the_question() -> None:
    with torch.autocast("cpu"):
        for name, verb in VERBS.items():
            if name != "train_model":
                assert verb(None), name
        memory = archlab.memory(loaded()).totals
    assert memory.saved_for_backward < archlab.memory(loaded()).totals.saved_for_backward


def test_without_torch_nothing_is_imported(monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "torch")
    with outside():
        assert "torch" not in sys.modules


def test_what_stood_around_stands_again() -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        with outside():
            assert torch.is_grad_enabled()
        with pytest.raises(RuntimeError, match="saved tensor hooks"), contextlib.ExitStack() as s:
            s.enter_context(torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t))
        return (x * x).sum()

    with torch.inference_mode():
        with outside():
            assert not torch.is_inference_mode_enabled()
        assert torch.is_inference_mode_enabled()
    assert torch.func.grad(function)(torch.ones(2)).tolist() == [2.0, 2.0]
