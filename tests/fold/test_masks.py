"""Which tensors are masks: told by how they are made, or by their names; values are not known."""

import pytest
import torch
from torch import nn

import archlab
from archlab.fold.masks import BIAS, CAUSAL, MASK, added_to_scores, mask_of, words

INF = float("-inf")


def ones() -> torch.Tensor:
    return torch.ones(6, 6)


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    places = torch.arange(6)
    return places[:, None], places[None]


MADE = {
    "lower half": (lambda: ones().tril(), CAUSAL),
    "upper half of −∞": (lambda: torch.full((6, 6), INF).triu(1), CAUSAL),
    "half as truth values": (lambda: ones().triu(1).bool(), CAUSAL),
    "by words": (lambda: (1 - ones().tril()) * -1e4, CAUSAL),
    "moved and widened": (lambda: ones().tril().view(1, 1, 6, 6).expand(2, 1, 6, 6), CAUSAL),
    "order of positions": (lambda: rows()[0] < rows()[1], CAUSAL),
    "a band of halves": (lambda: ones().tril(1).triu(-1), MASK),
    "a band of positions": (
        lambda: (rows()[0] < rows()[1]) | (rows()[0] > rows()[1] + 2), MASK
    ),
    "equal positions": (lambda: rows()[0] == rows()[1], MASK),
    "zeros and −100": (lambda: torch.zeros(6, 6).masked_fill(ones() != 0, -100.0), MASK),
    "distances": (lambda: rows()[0] * 0.5 - rows()[1], ""),
    "random order": (lambda: torch.rand(6, 6) > torch.rand(6, 6), MASK),
}  # fmt: skip


class Adds(nn.Module):
    def __init__(self, make=None, **buffers: torch.Tensor) -> None:
        super().__init__()
        self.make, self.names = make, tuple(buffers)
        for name, value in buffers.items():
            self.register_buffer(name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + (self.make() if self.make else getattr(self, *self.names))


def added(net: nn.Module) -> tuple:
    graph = archlab.trace(archlab.load(net, input="[6x6]"))
    return graph, graph.nodes[-1].inputs[1]


@pytest.mark.parametrize("name", MADE)
def test_a_mask_is_told_by_how_it_is_made(name) -> None:
    make, wanted = MADE[name]
    assert mask_of(*added(Adds(make))) == wanted


@pytest.mark.parametrize(
    ("name", "mask", "on_scores"),
    [("attn_mask", MASK, MASK), ("causal_mask", CAUSAL, CAUSAL), ("tril", CAUSAL, CAUSAL),
     ("bias", "", BIAS), ("slopes", "", BIAS)],
)  # fmt: skip
def test_a_stored_mask_is_told_by_its_name(name, mask, on_scores) -> None:
    graph, tensor = added(Adds(**{name: torch.zeros(6, 6)}))
    assert (mask_of(graph, tensor), added_to_scores(graph, tensor)) == (mask, on_scores)


def test_what_is_learned_is_no_mask() -> None:
    class Learned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mask = nn.Parameter(torch.zeros(6, 6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.mask.tril()

    graph, tensor = added(Learned())
    assert (mask_of(graph, tensor), added_to_scores(graph, tensor)) == ("", BIAS)


def test_a_table_without_a_name_is_a_mask_on_scores_alone() -> None:
    graph, tensor = added(Adds(lambda: torch.zeros(6, 6)))
    assert (mask_of(graph, tensor), added_to_scores(graph, tensor)) == ("", MASK)


def test_both_are_said() -> None:
    assert words({"", BIAS, MASK, CAUSAL}) == ["bias", "causal mask"]
