"""Tokens and an LSTM: `archlab flops examples/04_tagger.py:Tagger --input ids=1x20:int64`."""

import torch
from torch import nn


class Tagger(nn.Module):
    """Tokens in, a tag for each out."""

    def __init__(self, words: int = 1000, tags: int = 17) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, 64)
        self.lstm = nn.LSTM(64, 128, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(256, tags)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return (batch, tokens, tags) logits."""
        hidden, _ = self.lstm(self.embed(ids))
        return self.head(hidden)
