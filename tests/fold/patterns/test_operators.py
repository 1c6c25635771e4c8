"""Norms, rotary embeddings and attention written by hand are one box each, and what is none."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import archlab


def patterns(module, source) -> list[str]:
    """Return the patterns of boxes and frames in the order of a drawing."""
    drawing = archlab.render(archlab.load(module, input=source)).drawing
    return [item.pattern for item in drawing.items if item.pattern]


class RootMeanSquare(nn.Module):
    def __init__(self, *, centred=False, squared=True):
        super().__init__()
        self.weight, self.centred, self.squared = nn.Parameter(torch.ones(16)), centred, squared

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True) if self.centred else x
        power = x.pow(2) if self.squared else x.abs()
        return x * torch.rsqrt(power.mean(-1, keepdim=True) + 1e-6) * self.weight


@pytest.mark.parametrize(
    ("options", "names"),
    [({}, ["RMSNorm"]), ({"centred": True}, ["LayerNorm"]), ({"squared": False}, [])],
)
def test_a_norm_by_hand_is_one_box(options, names) -> None:
    norm = RootMeanSquare(**options)
    drawing = archlab.render(archlab.load(nn.Sequential(nn.Linear(16, 16), norm), input="[1x9x16]"))
    assert [box.pattern for box in drawing.drawing.boxes if box.pattern] == names
    if names:
        assert [box.title for box in drawing.drawing.boxes] == [
            "input", "Linear 16 → 16", *names, "output",
        ]  # fmt: skip
        assert drawing.drawing.boxes[2].amounts.params == 16


def tables(size, width):
    angles = torch.outer(torch.arange(size).float(), 1 / 100 ** (torch.arange(width) / width))
    return angles.cos(), angles.sin()


def by_halves(x):
    cos, sin = tables(x.shape[-2], x.shape[-1])
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


def in_turn(x):
    cos, sin = tables(x.shape[-2], x.shape[-1] // 2)
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def complex_numbers(x):
    cos, sin = tables(x.shape[-2], x.shape[-1] // 2)
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * torch.complex(cos, sin)).flatten(-2)


def swapped(x):
    first, second = x.chunk(2, -1)
    return x * 2 + torch.cat((second, first), -1) * 3


def causal(scores):
    return scores + torch.full((9, 9), float("-inf")).triu(1)


def filled(scores):
    return scores.masked_fill(torch.ones(9, 9).triu(1).bool(), float("-inf"))


def chosen(scores):
    places = torch.arange(9)
    return torch.where(places[:, None] >= places, scores, float("-inf"))


def windowed(scores):
    places = torch.arange(9)
    return scores.masked_fill((places[:, None] - places).abs() > 2, float("-inf"))


def by_own_size(scores):
    return scores.masked_fill(scores < 0, float("-inf"))


class Attention(nn.Module):
    def __init__(self, *, heads=4, groups=4, turn=None, fused=False, scored=None):
        super().__init__()
        self.heads, self.groups, self.size = heads, groups, 32 // heads
        self.q, self.o = nn.Linear(32, 32), nn.Linear(32, 32)
        self.k, self.v = (nn.Linear(32, groups * self.size) for _ in range(2))
        self.turn, self.fused = turn, fused
        self.scored = nn.Parameter(torch.zeros(9, 9)) if scored == "bias" else scored

    def forward(self, x):
        q, k, v = (
            layer(x).view(len(x), -1, heads, self.size).transpose(1, 2)
            for layer, heads in ((self.q, self.heads), (self.k, self.groups), (self.v, self.groups))
        )
        if self.turn is not None:
            q, k = self.turn(q), self.turn(k)
        if self.fused:
            more = self.fused if isinstance(self.fused, dict) else {}
            made = F.scaled_dot_product_attention(
                q, k, v, enable_gqa=self.heads > self.groups, **more
            )
        else:
            more = self.heads // self.groups
            k, v = (t.repeat_interleave(more, 1) if more > 1 else t for t in (k, v))
            scores = q @ k.transpose(-1, -2) / self.size**0.5
            if isinstance(self.scored, nn.Parameter):
                scores = scores + self.scored
            elif self.scored is not None:
                scores = self.scored(scores)
            made = scores.softmax(-1) @ v
        return self.o(made.transpose(1, 2).flatten(2))


@pytest.mark.parametrize(
    ("options", "title"),
    [
        ({}, "Attention · 4 heads"),
        ({"fused": True}, "Attention · 4 heads"),
        ({"heads": 1, "groups": 1}, "Attention · 1 head"),
        ({"groups": 2, "fused": True}, "Attention · 4 heads, 2 kv groups"),
        ({"groups": 1, "fused": True}, "Attention · 4 heads, 1 kv group"),
        ({"scored": "bias"}, "Attention · 4 heads, bias"),
        ({"scored": causal}, "Attention · 4 heads, causal mask"),
        ({"scored": filled}, "Attention · 4 heads, causal mask"),
        ({"scored": chosen}, "Attention · 4 heads, causal mask"),
        ({"scored": windowed}, "Attention · 4 heads, masked"),
        ({"fused": {"is_causal": True}}, "Attention · 4 heads, causal mask"),
        ({"fused": {"attn_mask": torch.ones(9, 9).bool()}}, "Attention · 4 heads, masked"),
    ],
)
def test_attention_tells_its_heads_and_groups(options, title) -> None:
    module = nn.Sequential(nn.Linear(32, 32), Attention(**options))
    drawing = archlab.render(archlab.load(module, input="[1x9x32]")).drawing
    assert title in [box.title for box in drawing.boxes]
    assert [group.pattern for group in drawing.groups] == [title.replace("A", "a", 1)]
    params = sum(box.amounts.params or 0 for box in drawing.boxes)
    assert params == sum(p.numel() for p in module.parameters())
    heads, size, tokens = options.get("heads", 4), 32 // options.get("heads", 4), 9
    attention = next(box for box in drawing.boxes if box.title == title)
    assert attention.amounts.macs == 2 * heads * tokens * tokens * size


def test_scores_that_choose_among_themselves_are_masked() -> None:
    module = nn.Sequential(nn.Linear(32, 32), Attention(scored=by_own_size))
    assert "Attention · 4 heads, masked" in patterns(module, "[1x9x32]")


def test_swin_says_which_of_its_windows_are_masked() -> None:
    model = archlab.load("torchvision:swin_t")
    boxes = archlab.render(model, depth=4).drawing.boxes
    said = [box.title for box in boxes if box.title.startswith("Attention")]
    assert said[:2] == ["Attention · 3 heads, bias", "Attention · 3 heads, bias, masked"]
    boxes = archlab.render(model, expand="features.1.1").drawing.boxes
    added = [box.title for box in boxes if box.title.startswith("Add ")]
    assert added[:2] == ["Add relative_position_bias_table", "Add mask"]


@pytest.mark.parametrize("turn", [by_halves, in_turn, complex_numbers])
def test_a_rotary_embedding_is_one_box(turn) -> None:
    module = nn.Sequential(nn.Linear(32, 32), Attention(turn=turn, fused=True))
    names = patterns(module, "[1x9x32]")
    assert names.count("RoPE") == 2


def test_halves_that_are_swapped_are_no_rotation() -> None:
    module = nn.Sequential(nn.Linear(32, 32), Attention(turn=swapped, fused=True))
    assert "RoPE" not in patterns(module, "[1x9x32]")
