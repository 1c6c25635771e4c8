"""Building without weights: on meta, or with initialisation skipped; nothing global is left."""

import random
from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import BuildError
from archlab.resolve import Source, all_values, build_on_meta, build_real
from archlab.resolve.build import COPIED, META, MOVED

NETS = Path(__file__).parent / "nets.py"


class AsksForValues(nn.Module):
    """As torchvision's RegNets do: a size is computed in a tensor, and read."""

    def __init__(self) -> None:
        super().__init__()
        width = int(torch.linspace(8, 16, 2)[-1].item())
        self.conv = nn.Conv2d(3, width, 3)
        self.large = nn.Linear(500, 500)
        nn.init.constant_(self.large.weight, 3.0)

    def forward(self, x):
        return self.conv(x)


def test_on_meta() -> None:
    module, build = build_on_meta(Source("net", "file", lambda: nn.Linear(4, 4)), {})
    assert build == META
    assert not all_values(module)


def test_constructors_that_ask_for_values() -> None:
    module, build = build_on_meta(Source("net", "file", AsksForValues), {})
    assert build == MOVED
    assert {item.device.type for item in module.parameters()} == {"meta"}
    assert module.conv.out_channels == 16
    assert archlab.params("torchvision:regnet_x_400mf").header.build == MOVED


class CountsOnTheCpu(nn.Module):
    """A large tensor with values decides about the net, also while that is built on meta."""

    def __init__(self) -> None:
        super().__init__()
        mask = torch.zeros(100, 100, device="cpu")
        mask[:, :7].fill_(1.0)
        self.conv = nn.Conv2d(3, int(mask.sum()) // 100, 3)


def test_a_tensor_that_is_put_on_the_cpu_has_its_values() -> None:
    module, build = build_on_meta(Source("net", "file", CountsOnTheCpu), {})
    assert build == META
    assert module.conv.out_channels == 7


class Reshaped(nn.Module):
    """Orthogonal initialisation transposes in place; that is no fill."""

    def __init__(self) -> None:
        super().__init__()
        int(torch.ones(1).item())  # not on meta
        self.weight = nn.Parameter(torch.randn(70, 80).t_())
        self.wide = nn.Linear(70, 80)
        nn.init.orthogonal_(self.wide.weight)


def test_what_changes_a_shape_in_place_is_not_skipped() -> None:
    module, build = build_on_meta(Source("net", "file", Reshaped), {})
    assert build == MOVED
    assert module.weight.shape == (80, 70)


def test_what_torch_refuses_on_meta_is_refused() -> None:
    """A net whose weights are filled with values of another shape does not exist."""

    class Misfit(nn.Module):
        def __init__(self, *, add: bool = False) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.empty(4, 4))
            values = torch.zeros(5)
            with torch.no_grad():
                self.weight.add_(values) if add else self.weight.copy_(values)

    for add in (False, True):
        with pytest.raises(BuildError, match="cannot be built: RuntimeError"):
            build_on_meta(Source("net", "file", Misfit), {"add": add})


def test_an_instance_is_copied() -> None:
    net = nn.Linear(4, 4)
    module, build = build_on_meta(Source("net", "file", lambda: net), {})
    assert (module is net, build) == (True, COPIED)


def test_real_builds_are_initialised_and_repeat() -> None:
    source = Source("net", "file", AsksForValues)
    torch.manual_seed(1)
    first = build_real(source, {})
    second = build_real(source, {})
    assert torch.equal(first.large.weight, torch.full((500, 500), 3.0))
    assert torch.equal(first.conv.weight, second.conv.weight)


@pytest.mark.parametrize("make", [build_on_meta, build_real])
def test_random_states_are_put_back(make) -> None:
    def constructor():
        random.random()
        return nn.Linear(50, 50)

    torch.manual_seed(3)
    random.seed(3)
    expected = torch.rand(3), random.random()
    torch.manual_seed(3)
    random.seed(3)
    make(Source("net", "file", constructor), {})
    assert torch.equal(torch.rand(3), expected[0])
    assert random.random() == expected[1]


def test_skipping_initialisation_ends_with_the_build() -> None:
    build_on_meta(Source("net", "file", AsksForValues), {})
    assert torch.equal(torch.empty(100, 100).fill_(2.0), torch.full((100, 100), 2.0))


def test_warnings_of_constructors_stay_inside(recwarn) -> None:
    archlab.load("torchvision:googlenet")  # warns about its initialisation
    assert not recwarn.list


def test_what_builds_on_meta_and_runs_on_values() -> None:
    graph = archlab.trace(f"{NETS}:Branches")
    assert "real tensors" in graph.build
    assert archlab.flops(f"{NETS}:Branches").totals.macs == 8 * 4


def test_a_module_that_torch_traces_in_its_constructor_is_built(tmp_path) -> None:
    source = "import torch\nfrom torch import nn\n\n\ndef net():\n"
    source += "    return torch.jit.trace(nn.Conv2d(3, 8, 3), torch.randn(1, 3, 8, 8))\n"
    (tmp_path / "traced.py").write_text(source)
    model = archlab.load(f"{tmp_path / 'traced.py'}:net", input="3x8x8")
    assert archlab.flops(model).macs == 8 * 6 * 6 * 27


def test_what_numpy_has_made_does_not_keep_a_model_from_having_values(tmp_path) -> None:
    source = """
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("bank", torch.from_numpy(np.eye(8, dtype="f4")))
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x):
        return self.b(torch.relu(self.a(x @ self.bank)))
"""
    (tmp_path / "bank.py").write_text(source)
    model = archlab.load(f"{tmp_path / 'bank.py'}:Net", input="8")
    assert archlab.flops(model).macs == 3 * 64
    assert not any(tensor.is_meta for tensor in model.seeded(1).parameters())
    assert torch.equal(model.seeded(1).bank, torch.eye(8))


def test_what_a_constructor_raises_is_told_without_values_of_tensors(tmp_path) -> None:
    (tmp_path / "bad.py").write_text("def net():\n    raise ValueError('no rule\\n 0.25 0.5')\n")
    with pytest.raises(BuildError, match="no rule") as caught:
        archlab.load(f"{tmp_path / 'bad.py'}:net", input="8")
    assert "0.25" not in str(caught.value)
