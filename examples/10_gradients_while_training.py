"""First ÷ last gradient norm while a net takes SGD steps: a healthy ratio is not learning.

    python examples/10_gradients_while_training.py plain56 60 0      # net, steps, seed

Made images (1/f): ten random patterns plus as much noise, so that there is something to learn.
"""

from __future__ import annotations

import sys

import torch
from torch.nn.functional import cross_entropy

from archlab import zoo
from archlab.probe.blocks import find_blocks
from archlab.probe.gradients import Batch, measure_gradients
from archlab.probe.samples import natural_images

name = sys.argv[1] if len(sys.argv) > 1 else "plain56"
steps, seed = (int(text) for text in (sys.argv[2:4] if len(sys.argv) > 3 else ("60", "0")))
torch.manual_seed(seed)
draw = torch.Generator().manual_seed(seed)
net = zoo.build(name)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
patterns = natural_images((10, 3, 32, 32), draw)
for step in range(steps + 1):
    labels = torch.randint(10, (64,), generator=draw)
    images = patterns[labels] + natural_images((64, 3, 32, 32), draw)
    if step in (0, 1, 5, steps):
        batch = Batch((images,), targets=labels)
        found = measure_gradients(net, batch, cross_entropy, blocks=find_blocks(net))
        ratio = found.points[0].activation_grad / found.points[-1].activation_grad
        print(f"{name} seed {seed} step {step:3d}: loss {found.loss:.3f}, first ÷ last {ratio:.3g}")
    optimizer.zero_grad()
    cross_entropy(net(images), labels).backward()
    optimizer.step()
