"""Tables of small nets, unit by unit, against the pixels at which a gradient in float64 is not 0.

All weights are 1, so that nothing cancels.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional

import archlab
from archlab.analyze.field.sight import sights
from archlab.analyze.field.sight.sight import NAMES

Span = tuple[int, int] | None


class Net(nn.Module):
    """Layers by name, and a forward that is given as a function."""

    def __init__(self, run: Callable[..., torch.Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.run = run
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.run(self, x)


def reached(net: nn.Module, shape: tuple[int, ...], axes: str) -> list[list[Span]]:
    """Return first and last pixel of each unit of each axis, wherever it is on the others."""
    net = copy.deepcopy(net).double().eval()
    for weight in net.parameters():
        weight.data.fill_(1.0)
    # Ascending, so that a max pool picks the last of its window and no value is 0.
    x = torch.arange(1.0, torch.Size(shape).numel() + 1, dtype=torch.float64).view(shape)
    out = net(x.requires_grad_())
    rank = len(axes)
    found = []
    for axis in range(-rank, 0):
        spans: list[Span] = []
        for unit in range(out.shape[axis]):
            (gradient,) = torch.autograd.grad(out.select(axis, unit).sum(), x, retain_graph=True)
            at = gradient.nonzero()[:, axis].tolist()
            spans.append((min(at), max(at)) if at else None)
        found.append(spans)
    return found


def predicted(net: nn.Module, shape: tuple[int, ...], axes: str) -> list[list[Span]]:
    graph = archlab.load(net, input=f"[{'x'.join(map(str, shape))}]").trace()
    sight = sights(graph)[0][graph.outputs[0]]
    assert not sight.lost
    tables = []
    for name in axes:
        field = sight.axes[NAMES.index(name)]
        assert field is not None
        pairs = zip(field.low.tolist(), field.high.tolist(), strict=True)
        tables.append([(low, high) if low <= high else None for low, high in pairs])
    return tables


def conv(kernel: int = 3, **how: object) -> nn.Conv2d:
    return nn.Conv2d(4, 4, kernel, **{"padding": kernel // 2, **how})


def halves(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, :, :5] = net.a(x[:, :, :5])
    y[:, :, 5:] = net.a(x[:, :, 5:])
    return net.b(y)


def partial_convolution(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """FasterNet (Chen et al. 2023): a part of the channels is convolved in place."""
    x = net.a(x).clone()
    x[:, :2] = net.part(x[:, :2].clone())  # autograd does not want it written where it is read
    return net.b(x)


def shift(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """ShiftViT (Wang et al. 2022): groups of channels are moved by a pixel, and nothing else."""
    x = net.a(x)
    y = torch.zeros_like(x)
    y[:, 0:1, :, :-1] = x[:, 0:1, :, 1:]
    y[:, 1:2, :, 1:] = x[:, 1:2, :, :-1]
    y[:, 2:3, :-1] = x[:, 2:3, 1:]
    y[:, 3:] = x[:, 3:]
    return net.b(y)


def interleaved(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = torch.zeros_like(x)
    y[:, :, ::2, ::2] = net.a(x)
    return net.b(y)


def overwritten(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = net.a(x)
    y[..., 1:-1, :] = x[..., 2:, :]
    y[..., 4] = 0
    y.transpose(2, 3)[:, :, :2].mul_(2)
    return y


def row_by_row(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Replicate the last row by hand, and put the columns together in the opposite order."""
    y = x.new_zeros(1, 4, x.shape[2] + 1, x.shape[3])
    y[:, :, :-1] = net.a(x)
    y[:, :, -1] = x[:, :, -1]
    return torch.stack(net.b(y).unbind(3)[::-1], 3)


def functional_writes(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = torch.slice_scatter(x, net.a(x)[:, 1:3], 1, 0, 2)
    y = torch.slice_scatter(y, net.a(x)[:, :, :3], 2, 2, 7, 2)
    return net.b(y)


def segnet(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y, indices = functional.max_pool2d(net.a(x), 2, return_indices=True)
    return net.c(functional.max_unpool2d(net.b(y), indices, 2))


def folded(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    columns = functional.unfold(x, 3, padding=1, stride=2)
    return functional.fold(net.mix(columns), tuple(x.shape[2:]), 3, padding=1, stride=2)


def concatenated(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return net.a(torch.cat([x[:, :, -2:], x, x[:, :, :1].flip(3)], 2))


def halo(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """HaloNet (Vaswani et al. 2021): windows of 4×4 queries see 6×6 keys."""
    q = net.a(x).view(1, 4, 4, 4, 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(16, 16, 4)
    around = functional.unfold(net.b(x), 6, stride=4, padding=1)
    k = around.view(1, 4, 36, 16).permute(0, 3, 2, 1).reshape(16, 36, 4)
    y = functional.scaled_dot_product_attention(q, k, k)
    return y.view(1, 4, 4, 4, 4, 4).permute(0, 5, 1, 3, 2, 4).reshape(1, 4, 16, 16)


def rolled_in_windows(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = net.a(x).unflatten(3, (-1, 4))
    return (y + y.roll(1, -1)).flatten(3)


def halves_as_channels(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = net.a(x).unflatten(2, (2, 8)).flatten(1, 2)
    return functional.avg_pool2d(y, 2)


def merged(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Take every second column of another map."""
    even = torch.arange(16) % 2 == 0
    return torch.where(even, net.a(x), net.wide(x))


def side_by_side(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Run two maps as one batch, and go on with the first."""
    return net.b(torch.cat([x, functional.avg_pool2d(x, 7, 1, 3)], 0)).chunk(2, 0)[0]


def two(**layers: nn.Module) -> dict[str, nn.Module]:
    return {"a": conv(), "b": conv(), **layers}


NETS = {
    "circular": nn.Sequential(conv(5, padding_mode="circular"), conv()),
    "reflect": nn.Sequential(conv(5, padding_mode="reflect"), conv()),
    "replicate": nn.Sequential(conv(5, padding_mode="replicate", stride=2), conv()),
    "pads": Net(lambda _, x: functional.pad(x, (3, 1, 0, 2), mode="reflect") * 2, a=conv()),
    "crop": nn.Sequential(nn.ZeroPad2d((-1, 2, -2, 0)), conv()),
    "halves": Net(halves, **two()),
    "partial convolution": Net(partial_convolution, **two(part=nn.Conv2d(2, 2, 3, padding=1))),
    "shift": Net(shift, **two()),
    "interleaved": Net(interleaved, a=conv(stride=2), b=conv()),
    "overwritten": Net(overwritten, a=conv()),
    "row by row": Net(row_by_row, **two()),
    "slice_scatter": Net(functional_writes, **two()),
    "fold": Net(folded, mix=nn.Conv1d(36, 36, 1)),
    "concatenated": Net(concatenated, a=conv()),
    "flip": Net(lambda net, x: net.b(net.a(x).flip(2)), **two()),
    "repeat": Net(lambda net, x: net.b(net.a(x).repeat(2, 2, 1, 1)[:, 2:6]), **two()),
    "roll": Net(lambda net, x: net.b(net.a(x).roll((1, -2), (2, 3))), **two()),
    "one row for all": Net(lambda net, x: net.b(x + net.a(x)[:, :, 1:2]), **two()),
    "transposed": nn.Sequential(nn.ConvTranspose2d(4, 4, 3, stride=2, output_padding=1), conv()),
    "tokens pooled by channels": Net(
        lambda net, x: net.b(
            functional.avg_pool1d(net.a(x).flatten(2).mT, 2).mT.reshape(1, 2, *x.shape[2:])
        ),
        a=conv(),
        b=nn.Conv2d(2, 4, 3, padding=1),
    ),
    "one group": nn.Sequential(nn.ChannelShuffle(1), conv()),
    "factor": nn.Sequential(conv(), nn.Upsample(scale_factor=1.7, mode="bilinear"), conv()),
    "bins": nn.Sequential(conv(), nn.AdaptiveAvgPool2d((4, 3))),
    "ceil": nn.Sequential(nn.AvgPool2d(3, 2, 1, ceil_mode=True), conv()),
}


@pytest.mark.parametrize("name", NETS)
def test_images(name: str) -> None:
    shape = (1, 4, 11, 14)
    assert predicted(NETS[name], shape, "hw") == reached(NETS[name], shape, "hw")


UNSURE = {
    "halo": Net(halo, **two()),
    "roll in windows": Net(rolled_in_windows, **two()),
    "flat roll": Net(lambda net, x: net.a(x) + net.b(x).roll(1), **two()),
    "halves as channels": Net(halves_as_channels, **two()),
    "merged": Net(merged, **two(wide=conv(5))),
    "masked": Net(lambda net, x: net.a(x).masked_fill(torch.arange(16) < 8, 0.0), **two()),
    "one batch of two": Net(side_by_side, **two()),
    "rows mixed after joined channels": Net(
        lambda net, x: net.rows(torch.cat([x, functional.avg_pool2d(x, 5, 1, 2)], 1))[:, :4],
        rows=nn.Linear(16, 16),
    ),
}


@pytest.mark.parametrize("name", UNSURE)
def test_what_no_rule_can_place_is_never_called_exact(name: str) -> None:
    result = archlab.receptive_field(archlab.load(UNSURE[name], input=(1, 4, 16, 16)))
    assert result.status == "partial" or not result.rows[0].exact


def test_channels_that_are_joined_without_a_batch_are_mixed_again() -> None:
    net = Net(
        lambda net, x: net.wide(torch.cat([x, net.a(x)], 0)),
        a=conv(),
        wide=nn.Conv2d(8, 4, 3, padding=1),
    )
    row = archlab.receptive_field(archlab.load(net, input="[4x16x16]")).rows[0]
    assert (row.rf_h, row.exact) == (5, True)


def test_scores_of_all_keys_see_the_whole_image() -> None:
    net = Net(
        lambda net, x: (net.a(x).flatten(2).mT @ x.flatten(2)).mean(-1).view(1, 16, 16), **two()
    )
    result = archlab.receptive_field(archlab.load(net, input=(1, 4, 16, 16)))
    assert result.rows[0].global_from


@pytest.mark.parametrize(("side", "exact"), [(24, False), (32, True), (64, True)])
def test_a_size_by_phase_needs_a_unit_of_each_phase(side: int, exact: bool) -> None:  # noqa: FBT001
    """Two levels down and up again: units 22 and 26 wide, as gradients of 64 × 64 pixels show."""

    def unet(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
        half = functional.interpolate
        high = net.a(x)
        middle = net.b(functional.avg_pool2d(high, 2))
        low = net.c(functional.avg_pool2d(middle, 2))
        middle = net.d(torch.cat([half(low, scale_factor=2), middle], 1))
        return net.e(torch.cat([half(middle, scale_factor=2), high], 1))

    wide = nn.Conv2d(8, 4, 3, padding=1)
    net = Net(unet, a=conv(), b=conv(), c=conv(), d=wide, e=nn.Conv2d(8, 4, 3, padding=1))
    (row, *_) = archlab.receptive_field(archlab.load(net, input=(1, 4, side, side))).rows
    assert row.exact is exact
    assert row.rf_h == (26 if exact else 27)
    shown = {high - low + 1 for low, high in reached(net, (1, 4, 64, 64), "hw")[0][16:48]}
    assert shown == {22, 26}


def test_hand_checked_sizes() -> None:
    # 3×3, a 3×3 on half of the channels, 3×3: 7. A pixel of shift between two 3×3, in both
    # directions along the columns and in one along the rows: 7 and 6. Every second place holds what
    # a 3×3 of stride 2 sees, and a unit between two of them sees both: 3 + 2.
    sizes = {"partial convolution": (7, 7, 1), "shift": (6, 7, 1), "interleaved": (5, 5, 1)}
    for name, expected in sizes.items():
        row = archlab.receptive_field(archlab.load(NETS[name], input="4x40x40")).rows[-1]
        assert (row.rf_h, row.rf_w, row.stride_h) == expected, name


def test_unpooling_goes_back_to_any_place_of_the_window() -> None:
    net = Net(segnet, **two(c=conv()))
    table = predicted(net, (1, 4, 16, 16), "h")[0]
    # By hand: unit 7 reads rows 6 … 8 of the unpooled map, which came from windows 3 and 4; those
    # see rows 2 … 5 of the pooled map, rows 4 … 11 of the first convolution, 3 … 12 of the image.
    assert table[7] == (3, 12)
    # A gradient takes the way of the largest value alone.
    for seen, way in zip(table, reached(net, (1, 4, 16, 16), "h")[0], strict=True):
        assert seen is not None
        assert way is None or (seen[0] <= way[0] and way[1] <= seen[1])
    row = archlab.receptive_field(archlab.load(net, input="4x64x64")).rows[-1]
    assert (row.rf_h, row.stride_h) == (10, 1)


VIDEOS = {
    "3d": nn.Sequential(nn.Conv3d(4, 4, 3, stride=(1, 2, 2), padding=1), nn.Conv3d(4, 4, 3)),
    "(2+1)d": nn.Sequential(
        nn.Conv3d(4, 4, (1, 5, 3), padding=(0, 2, 1)), nn.ReLU(),
        nn.Conv3d(4, 4, (3, 1, 1), padding=(1, 0, 0), padding_mode="circular"),
        nn.AvgPool3d((2, 1, 2)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize("shape", [(1, 4, 8, 9, 10), (4, 8, 9, 10)])
def test_videos_with_and_without_a_batch(name: str, shape: tuple[int, ...]) -> None:
    assert predicted(VIDEOS[name], shape, "thw") == reached(VIDEOS[name], shape, "thw")


def frames(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Convolve each frame as an image, and each pixel along the frames."""
    n, t, c, h, w = x.shape
    x = net.a(x.reshape(n * t, c, h, w)).view(n, t, c, h, w)
    x = net.steps(x.permute(0, 3, 4, 2, 1).reshape(n * h * w, c, t))
    return x.view(n, h, w, c, t).permute(0, 3, 4, 1, 2)


def test_frames_on_the_axis_of_the_batch() -> None:
    net, shape = Net(frames, a=conv(), steps=nn.Conv1d(4, 4, 3, padding=1)), (1, 6, 4, 7, 8)
    tables = predicted(net, shape, "thw")
    assert tables[0] == [(max(t - 1, 0), min(t + 1, 5)) for t in range(6)]
    assert tables[1] == [(max(h - 1, 0), min(h + 1, 6)) for h in range(7)]


SEQUENCES = {
    "causal": Net(
        lambda net, x: net.a(functional.pad(x, (4, 0))), a=nn.Conv1d(4, 4, 3, dilation=2)
    ),
    "raw": Net(lambda net, x: net.a(x.view(1, 1, -1)), a=nn.Conv1d(1, 4, 5, stride=3)),
    "channels last": Net(lambda net, x: net.a((2 * x).view(1, 4, 25)), a=nn.AvgPool1d(3, 2)),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize("shape", [(1, 4, 25), (4, 25)])
def test_sequences_with_and_without_a_batch(name: str, shape: tuple[int, ...]) -> None:
    if name == "raw":
        shape = (*shape[:-2], 100)
    assert predicted(SEQUENCES[name], shape, "t") == reached(SEQUENCES[name], shape, "t")


def test_tokens_of_a_text_are_steps() -> None:
    net = Net(lambda net, x: net.a(net.table(x).mT), table=nn.Embedding(9, 4), a=nn.Conv1d(4, 4, 3))
    graph = archlab.load(net, input="1x12:int64").trace()
    field = sights(graph)[0][graph.outputs[0]].axes[2]
    assert field is not None
    assert [(low, high) for low, high in zip(field.low, field.high, strict=True)] == [
        (unit, unit + 2) for unit in range(10)
    ]
