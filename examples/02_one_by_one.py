"""A 1×1 convolution first makes the channels few: the sum by hand, by archlab, in GoogLeNet."""

import archlab

direct = 3 * 3 * 192 * 32  # height × width × channels in × channels out
reduced = 1 * 1 * 192 * 32 + 3 * 3 * 32 * 32
print(f"by hand:    {direct:,} weights, with a 1×1 first {reduced:,}")

sums = archlab.bottleneck(inputs=192, outputs=32, kernel=3, reduce=32)
assert (sums.direct, sums.reduced) == (direct, reduced)
print(f"by archlab: {sums.direct:,} weights, with a 1×1 first {sums.reduced:,}")

net = archlab.bottlenecks("googlenet")
print(f"GoogLeNet:  {len(net.rows)} reductions, {net.direct:,} → {net.reduced:,} weights")
