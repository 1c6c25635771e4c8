"""Heads of attention: from the split of the channels, or from the axis that the heads have."""

import pytest
import torch
from torch import nn

import archlab
from archlab.fold.heads import heads_text
from archlab.ir.kinds import Kind


class Split(nn.Module):
    def __init__(self, heads) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(24, 24), nn.Linear(24, 24)
        self.heads = heads

    def forward(self, x):
        q, k = (
            layer(x).view(*x.shape[:2], self.heads, -1).transpose(1, 2)
            for layer in (self.q, self.k)
        )
        return torch.matmul(q, k.transpose(-1, -2))


@pytest.mark.parametrize(
    ("heads", "words"), [(2, "Attention · 2 heads"), (6, "Attention · 6 heads")]
)
def test_the_split_of_the_channels_tells_the_heads(heads, words) -> None:
    graph = archlab.load(Split(heads), input="[1x5x24]").trace()
    product = next(node for node in graph.nodes if node.kind == Kind.MATMUL)
    query, key = product.inputs[:2]
    assert heads_text(graph, query, key, 24 // heads, known=heads) == words
    assert heads_text(graph, query, key, 7) == "Attention"  # no split gives heads of seven
