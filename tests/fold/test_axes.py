"""How wide a box is, and in what: channels of a map, features of a vector or token, tokens."""

import pytest
import small_nets
import torch
from hand_made_graphs import Maker
from torch import nn

import archlab
from archlab.fold import Wish, fold
from archlab.fold.axes import axes
from archlab.fold.drawing import Shape
from archlab.ir.kinds import Kind, NormAttrs, PermuteAttrs

IMAGE = (3, 16, 16)


def wide(net: nn.Module, *shape: int, dtype: torch.dtype = torch.float32) -> dict[str, str]:
    """Return id -> width of the boxes of a net that has one."""
    graph = archlab.trace(archlab.load(net.eval(), input=torch.zeros(shape, dtype=dtype)))
    return {box.id: box.wide for box in fold(graph, Wish()).boxes if box.wide}


@pytest.mark.parametrize("batch", [1, 2])
def test_channels_of_sounds_and_volumes_are_the_axis_behind_the_batch(batch: int) -> None:
    assert wide(small_nets.Sound(), batch, 1, 40) == {
        "one": "8 ch", "two": "16 ch", "pool": "16 ch", "/mean": "16 features",
        "head": "5 features",
    }  # fmt: skip
    assert wide(small_nets.Volume(), batch, 2, 8, 8, 8) == {
        "conv": "8 ch", "pool": "8 ch", "/mean": "8 features", "head": "5 features",
    }  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2])
def test_a_map_with_channels_last_has_channels_behind_linear_layers_too(batch: int) -> None:
    assert wide(small_nets.ChannelsLast(), batch, *IMAGE) == {
        "patch": "8 ch", "window": "8 ch", "/add": "8 ch", "up": "32 ch",
        "down": "8 ch", "/add~2": "8 ch", "/mean": "8 features", "head": "3 features",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["torchvision:swin_t", "torchvision:convnext_tiny", "torchvision:maxvit_t", "timm:pvt_v2_b0",
     "timm:mixer_s16_224", "timm:sequencer2d_s"],
)  # fmt: skip
def test_tensors_of_one_shape_have_one_word(name: str) -> None:
    drawing = archlab.render(name, boxes=120).drawing
    words: dict[tuple[int, ...], set[str]] = {}
    for box in drawing.boxes:
        for edge in drawing.edges:
            if edge.tail == box.id and box.unit in ("ch", "features"):
                words.setdefault(edge.shape, set()).add(box.unit)
    assert len(words) > 4
    assert [shape for shape, units in words.items() if len(units) > 1] == []


@pytest.mark.parametrize("batch", [1, 2])
def test_patches_in_a_row_are_tokens_with_features(batch: int) -> None:
    boxes = wide(small_nets.Mixer(), batch, *IMAGE)
    assert {box: boxes[box] for box in ("patch", "norm", "/add", "/cat", "norm~2", "head")} == {
        "patch": "12 ch", "norm": "12 features", "/add": "12 features", "/cat": "17 tokens",
        "norm~2": "12 features", "head": "3 features",
    }  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2])
def test_embeddings_attention_and_their_sums_have_features(batch: int) -> None:
    boxes = wide(small_nets.Experts(), batch, 10, dtype=torch.int64)
    assert boxes["embed"] == boxes["attention/attention"] == boxes["/add"] == "16 features"
    assert boxes["head"] == "50 features"
    assert not [width for width in boxes.values() if width.endswith("ch")]


def test_channels_are_split_joined_and_shuffled() -> None:
    class Shuffle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 8, 1), nn.Conv2d(4, 6, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = self.one(x).chunk(2, 1)
            x = torch.cat([torch.relu(a), self.two(b)], 1)
            x = x.unflatten(1, (2, 5)).transpose(1, 2).flatten(1, 2)
            return torch.nn.functional.max_pool2d(x, 2)

    assert wide(Shuffle(), 1, *IMAGE) == {
        "one": "8 ch", "/relu": "4 ch", "two": "6 ch", "/cat": "10 ch",
        "/max_pool2d_with_indices": "10 ch",
    }  # fmt: skip


def test_a_width_that_nothing_tells_is_not_guessed() -> None:
    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query = nn.Linear(12, 12)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            heads = self.query(x).unflatten(-1, (3, 4)).transpose(1, 2)
            return torch.tanh(heads + heads.roll(1, -1))

    assert wide(Heads(), 1, 5, 12) == {"query": "12 features"}


def test_one_of_a_kind_is_no_plural() -> None:
    assert wide(nn.Sequential(nn.Linear(4, 1)), 1, 4) == {"0": "1 feature"}


def sample(*steps, shape) -> tuple[int, ...]:
    """Return what one sample of the last node has: kind, shape, attributes of each."""
    make = Maker()
    x = make.input(shape)
    for kind, shape, attrs in steps:
        x = make.node(kind, "op", "", [x], shape, attrs)
    return axes(make.graph([x])).sample(x)


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_a_batch_is_found_again_behind_windows_and_heads(batch: int) -> None:
    windows = (
        (Kind.RESHAPE, (batch, 2, 7, 2, 7, 6), None),
        (Kind.PERMUTE, (batch, 2, 2, 7, 7, 6), PermuteAttrs((0, 1, 3, 2, 4, 5))),
        (Kind.RESHAPE, (batch * 4, 49, 6), None),
    )
    heads = (Kind.RESHAPE, (batch * 4, 49, 2, 3), None)
    back = (Kind.RESHAPE, (batch, 2, 2, 7, 7, 6), None)
    shape = (batch, 14, 14, 6)
    assert sample(*windows, shape=shape) == (4, 49, 6)
    assert sample(*windows, heads, shape=shape) == (4, 49, 2, 3)
    assert sample(*windows, heads, back, shape=shape) == (2, 2, 7, 7, 6)


def test_an_axis_that_a_layer_mixes_is_no_batch() -> None:
    norm = NormAttrs("layer", batch_stats=True, affine=True, axes=(0,))
    assert sample((Kind.NORM, (5,), norm), shape=(5,)) == (5,)
    norm = NormAttrs("layer", batch_stats=True, affine=True, axes=(1,))
    assert sample((Kind.NORM, (5, 3), norm), shape=(5, 3)) == (3,)


@pytest.mark.parametrize(
    ("shape", "one"), [((1, 4), (4,)), ((3, 4), (4,)), ((0, 4), (0, 4)), ((4,), (4,)), ((1,), ()),
                       ((), ())],
)  # fmt: skip
def test_a_row_of_numbers_or_an_empty_batch_keeps_its_axis(shape: tuple, one: tuple) -> None:
    assert sample((Kind.ACTIVATION, shape, None), shape=shape) == one


def made(net: nn.Module, *shape: int, dtype: torch.dtype = torch.float32) -> dict[str, object]:
    """Return id -> what the boxes of a net make: channels first, then sizes."""
    graph = archlab.trace(archlab.load(net.eval(), input=torch.zeros(shape, dtype=dtype)))
    return {box.id: box.makes for box in fold(graph, Wish()).boxes if box.shape != Shape.OUTPUT}


@pytest.mark.parametrize("batch", [1, 2])
def test_maps_have_their_channels_first_wherever_the_net_keeps_them(batch: int) -> None:
    # Conv1d(1, 8, 3, padding=1), then 8 → 16 by 3 with stride 2: (40 − 3) // 2 + 1 = 19, halved: 9.
    assert made(small_nets.Sound(), batch, 1, 40) == {
        "input:x": (1, 40), "one": (8, 40), "two": (16, 19), "pool": (16, 9), "/mean": (16,),
        "head": (5,),
    }  # fmt: skip
    assert made(small_nets.Volume(), batch, 2, 8, 8, 8) == {
        "input:x": (2, 8, 8, 8), "conv": (8, 8, 8, 8), "pool": (8, 4, 4, 4), "/mean": (8,),
        "head": (5,),
    }  # fmt: skip
    last = made(small_nets.ChannelsLast(), batch, *IMAGE)
    assert {len(last[box]) for box in ("patch", "up", "down", "/add", "/add~2")} == {3}
    assert (last["patch"][0], last["up"][0], last["down"][0]) == (8, 32, 8)
    assert last["up"][1:] == last["patch"][1:]


def test_rows_of_tokens_are_no_maps() -> None:
    boxes = made(small_nets.Mixer(), 2, *IMAGE)
    assert len(boxes["patch"]) == 3
    assert {boxes[box] for box in ("norm", "/add", "/cat", "norm~2")} == {()}
    assert boxes["head"] == (3,)
