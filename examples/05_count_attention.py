"""Attention, counted by hand and by archlab: the part that many counters leave out."""

from torch import nn

import archlab

TOKENS, WIDTH, HIDDEN = 196, 768, 3072
layer = nn.TransformerEncoderLayer(WIDTH, nhead=12, dim_feedforward=HIDDEN, batch_first=True)

projections = TOKENS * WIDTH * 3 * WIDTH + TOKENS * WIDTH * WIDTH  # q, k, v; and out
scores = 2 * TOKENS * TOKENS * WIDTH  # q·kᵀ, and the weighted sum of v
mlp = 2 * TOKENS * WIDTH * HIDDEN
print(f"by hand:    {projections + scores + mlp:,} MACs")

cost = archlab.flops(archlab.load(layer, input=(1, TOKENS, WIDTH)))
assert cost.macs == projections + scores + mlp
print(f"by archlab: {cost.macs:,} MACs, {cost.status}")
print(f"in the products of attention itself: {scores / cost.macs:.1%}")
