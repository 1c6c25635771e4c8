"""A model of your own in a file: `archlab summary examples/03_u_net.py:UNet --input 3x128x128`."""

import torch
from torch import nn


def double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3×3 convolutions, each with its norm and activation."""
    return nn.Sequential(
        *(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()),
        *(nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()),
    )


class UNet(nn.Module):
    """Three levels down and up, joined by concatenation (Ronneberger et al. 2015)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sizes = [width, 2 * width, 4 * width, 8 * width]
        self.down = nn.ModuleList(map(double_conv, [3, *sizes[:-2]], sizes[:-1]))
        self.pool = nn.MaxPool2d(2)
        self.bottom = double_conv(sizes[-2], sizes[-1])
        ups = [nn.ConvTranspose2d(2 * size, size, 2, 2) for size in sizes[2::-1]]
        self.up = nn.ModuleList(ups)
        self.join = nn.ModuleList(double_conv(2 * size, size) for size in sizes[2::-1])
        self.head = nn.Conv2d(width, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return two logits a pixel."""
        skips = []
        for down in self.down:
            skips.append(down(x))
            x = self.pool(skips[-1])
        x = self.bottom(x)
        for up, join, skip in zip(self.up, self.join, reversed(skips), strict=True):
            x = join(torch.cat([skip, up(x)], 1))
        return self.head(x)
