"""A net on which every option of the command line shows: three convolutions and an FFT."""

from collections import OrderedDict

import torch
from torch import nn


class Net(nn.Module):
    """Names that are not in alphabetical order, for --sort; the FFT has no rule, for --strict."""

    input_shape = (3, 8, 8)

    def __init__(self, width=4, dilation=1):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=dilation, dilation=dilation)
        self.body = nn.Sequential(
            OrderedDict(
                z=nn.Conv2d(width, width, 3, padding=1),
                norm=nn.BatchNorm2d(width),
                a=nn.Conv2d(width, 8, 3, stride=2),
            )
        )
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.body(self.stem(x))
        return self.head(torch.fft.fft2(x).real.mean((2, 3)))


class Other(Net):
    def __init__(self, width=6):
        super().__init__(width)


class Narrow(nn.Sequential):
    """Two reductions, the smaller one first."""

    input_shape = (8, 9, 9)

    def __init__(self, width=4):
        super().__init__(
            nn.Conv2d(8, width, 1),
            nn.Conv2d(width, 8, 3),
            nn.ReLU(),
            nn.Conv2d(8, width, 1),
            nn.Conv2d(width, 16, 3),
        )
