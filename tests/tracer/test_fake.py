"""Fake tensors: what they can do that tensors on meta cannot, and that copies stay apart."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import archlab
from archlab.tracer.fake import FakeTensor, fakes


class Autocast(nn.Module):
    def __init__(self, device: str = "") -> None:
        super().__init__()
        self.device = device
        self.a, self.b = nn.Linear(16, 64), nn.Linear(64, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.device or x.device.type, dtype=torch.bfloat16):
            return self.b(torch.relu(self.a(x)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("device", ["", "cpu"])
def test_autocast_casts(device: str) -> None:
    """Kept: the cast input, the activation and the second weight, of two bytes an element."""
    result = archlab.memory(archlab.load(Autocast(device), input=(4, 16)))
    assert result.totals.saved_for_backward == 2 * (4 * 16 + 4 * 64 + 64 * 16)
    assert result.header.build.startswith("fake tensors on the CPU")


@pytest.mark.parametrize(
    ("norm", "statistics"),
    [
        (nn.LayerNorm(6), 2 * 4 * 6),
        (nn.GroupNorm(3, 6), 2 * 4 * 3),
        (nn.BatchNorm1d(6), 2 * 6),
        (nn.InstanceNorm1d(6, affine=True), 2 * 4 * 6),
    ],
    ids=lambda value: type(value).__name__,
)
def test_statistics_of_norms_are_floats(norm: nn.Module, statistics: int) -> None:
    """Kept: the inputs of both layers, of two bytes an element, and statistics of four."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.norm = nn.Linear(6, 6), norm

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return self.norm(self.linear(x))  # type: ignore[no-any-return]

    net = Net().train()
    weights = (*net.parameters(), *net.buffers())
    saved, own = {}, {tensor.untyped_storage().data_ptr() for tensor in weights}
    alive = []  # so that no address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        alive.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = net(torch.randn(4, 6, 6))
    measured = sum(size for address, size in saved.items() if address not in own)
    total = archlab.memory(archlab.load(Net(), input=(4, 6, 6))).totals.saved_for_backward
    assert total == measured >= 2 * 2 * (4 * 6 * 6) + 4 * statistics
    del output


def test_a_forward_for_cuda_is_traced_without_it() -> None:
    class Cuda(nn.Conv2d):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + torch.zeros(1, 8, 1, 1, device="cuda")

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    result = archlab.flops(archlab.load(Cuda(3, 8, 3), input="3x16x16"))
    assert result.macs == 14 * 14 * 8 * 27
    assert result.header.build.startswith("fake tensors on CUDA")


def test_copies_are_fake_and_share_what_was_shared() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)).to("meta")
    net[1].weight.data = net[0].weight.data
    _, copy, (args, _) = fakes(net, ((torch.empty(2, 3, device="meta"),), {}), "cpu")
    assert isinstance(args[0], FakeTensor)
    assert args[0].device.type == "cpu"
    storages = [part.weight.untyped_storage()._cdata for part in copy]
    assert storages[0] == storages[1]
    assert isinstance(copy[0].weight, nn.Parameter)
    assert not isinstance(net[0].weight.data, FakeTensor)


def test_what_torch_refuses_is_refused_on_fake_tensors_too() -> None:
    """The kernels for fake tensors multiply integers by floats; those with values do not."""

    class Mixed(Autocast):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", enabled=True), torch.autocast("cpu", enabled=False):
                return self.a(x)  # type: ignore[no-any-return]

    with pytest.raises(archlab.ArchlabError, match="must have the same dtype"):
        archlab.flops(archlab.load(Mixed(), input="4x16:int64"))


def test_a_shuffle_of_one_group_is_a_copy() -> None:
    """Torch's kernel for fake tensors returns its input, until it has cached what comes out."""

    class Net(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.autocast("cpu", torch.bfloat16):
                return nn.functional.channel_shuffle(x, 1)

    FakeTensorMode.cache_clear()
    for _ in range(2):
        result = archlab.memory(archlab.load(Net(), input=(1, 4, 3, 3)))
        assert result.totals.eager_peak == 2 * 4 * 4 * 3 * 3
