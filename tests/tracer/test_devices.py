"""A forward that asks for the kind of its device runs as it does on the CPU."""

import textwrap
from collections.abc import Callable

import pytest
import torch
from torch import nn

import archlab


class Two(nn.Module):
    """A narrow layer, and a wide one behind it where a condition holds."""

    def __init__(self, wide: Callable[..., bool]) -> None:
        super().__init__()
        self.wide = wide
        self.narrow, self.rest = nn.Linear(8, 8), nn.Linear(8, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.narrow(x)
        return self.rest(y) if self.wide(self, y) else y


def swallowed(_: nn.Module, y: torch.Tensor) -> bool:
    try:
        return bool((y.abs().sum() >= 0).item())
    except Exception:  # noqa: BLE001  as careless code does
        return False


def taken(_: nn.Module, y: torch.Tensor) -> bool:
    try:
        y.detach().numpy()
    except (RuntimeError, TypeError):
        return False
    return True


QUESTIONS: dict[str, Callable[..., bool]] = {
    "type": lambda _, y: y.device.type == "cpu",
    "device": lambda net, _: net.narrow.weight.device == torch.device("cpu"),
    "one of": lambda _, y: y.device.type in ("cpu", "cuda"),
    "text": lambda _, y: str(y.device).startswith("cpu"),
    "is_cpu": lambda _, y: y.is_cpu,
    "is_meta": lambda _, y: not y.is_meta,
    "a value, and whatever is raised is caught": swallowed,
    "an array, and whatever is raised is caught": taken,
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_that_of_the_cpu(name: str) -> None:
    result = archlab.flops(archlab.load(Two(QUESTIONS[name]), input=(4, 8)))
    assert result.totals.macs == 4 * (8 * 8 + 8 * 64)
    assert "meta" not in result.header.build.partition(":")[0]


def test_a_device_that_is_only_handed_on_may_be_meta() -> None:
    def made(_: nn.Module, y: torch.Tensor) -> bool:
        return bool(torch.arange(3, device=y.device).shape[0] == 3)

    result = archlab.flops(archlab.load(Two(made), input=(4, 8)))
    assert result.header.build == "copied to meta"


@pytest.mark.parametrize(
    "condition",
    ["self.narrow.weight.device.type == 'cpu'", "self.narrow.weight.is_cpu", "self.value()"],
)
def test_a_constructor_builds_what_it_builds_on_the_cpu(condition: str, tmp_path) -> None:
    source = f"""
        from torch import nn


        class Net(nn.Sequential):
            def __init__(self):
                super().__init__()
                self.narrow = nn.Linear(8, 8)
                self.rest = nn.Linear(8, 64) if {condition} else nn.Identity()

            def value(self):
                try:
                    return self.narrow.weight.abs().sum().item() >= 0
                except Exception:
                    return False
    """
    (tmp_path / "net.py").write_text(textwrap.dedent(source))
    totals = archlab.params(archlab.load(f"{tmp_path / 'net.py'}:Net", input=(4, 8))).totals
    assert totals.params == 8 * 8 + 8 + 8 * 64 + 64
