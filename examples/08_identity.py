"""Identity made easy: with zero weights a residual unit returns its input, a plain one nothing."""

import torch

from archlab import zoo

x = torch.rand(1, 16, 32, 32)
for name in ("resnet20", "plain20"):
    unit = zoo.build(name).eval().layer1[0]
    for weight in unit.parameters():
        torch.nn.init.zeros_(weight)
    out = unit(x)
    print(f"{name}: output equals input: {torch.equal(out, x)}, largest value {out.max():.3f}")
