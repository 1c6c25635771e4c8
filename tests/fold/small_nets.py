"""Small nets of many kinds: maps of one to three axes, tokens, steps, experts, pyramids."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Double(nn.Sequential):
    def __init__(self, taken: int, made: int) -> None:
        layers: list[nn.Module] = []
        for given in (taken, made):
            layers += [nn.Conv2d(given, made, 3, padding=1), nn.BatchNorm2d(made), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    def __init__(self, widths: tuple[int, ...] = (8, 16, 32)) -> None:
        super().__init__()
        pairs = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.down = nn.ModuleList(map(Double, (3, *widths[:-2]), widths[:-1]))
        self.middle = Double(*widths[-2:])
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.decode = nn.ModuleList(Double(2 * b, b) for _, b in pairs)
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for block in self.down:
            kept.append(block(x))
            x = functional.max_pool2d(kept[-1], 2)
        x = self.middle(x)
        for up, block, skip in zip(self.up, self.decode, kept[::-1], strict=True):
            x = block(torch.cat([skip, up(x)], 1))
        return self.head(x)


class Tagger(nn.Module):
    """Recurrent layers of which the last step is read."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 6, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(12, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.gru(self.lstm(self.embed(ids))[0])[0][:, -1])


class ConvNorm(nn.Module):
    def __init__(self, taken: int, made: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(taken, made, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(made)

    def forward(self, x: Tensor) -> Tensor:
        return functional.silu(self.norm(self.conv(x)))


class Split(nn.Module):
    """Half of the channels goes round a row of convolutions, as in YOLO's C2f."""

    def __init__(self, taken: int, made: int) -> None:
        super().__init__()
        self.enter, self.leave = ConvNorm(taken, made), ConvNorm(made * 2, made)
        self.inner = nn.ModuleList(ConvNorm(made // 2, made // 2) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.enter(x).chunk(2, 1))
        for block in self.inner:
            parts.append(block(parts[-1]))
        return self.leave(torch.cat(parts, 1))


class Detector(nn.Module):
    """Maps of two sizes, each with two heads."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.one, self.two = ConvNorm(3, 8, 2), Split(8, 8), Split(16, 16)
        self.down, self.up, self.neck = (
            ConvNorm(8, 16, 2),
            nn.Upsample(scale_factor=2),
            Split(24, 8),
        )
        self.box = nn.ModuleList(nn.Conv2d(width, 4, 1) for width in (8, 16))
        self.kind = nn.ModuleList(nn.Conv2d(width, 3, 1) for width in (8, 16))

    def forward(self, x: Tensor) -> list[Tensor]:
        fine = self.one(self.stem(x))
        coarse = self.two(self.down(fine))
        maps = [self.neck(torch.cat([self.up(coarse), fine], 1)), coarse]
        heads = zip(maps, self.box, self.kind, strict=True)
        return [torch.cat([box(x), kind(x)], 1) for x, box, kind in heads]


class Expert(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(functional.gelu(self.up(x)))


class Experts(nn.Module):
    """A token net: attention, then a weighted sum of experts."""

    def __init__(self, width: int = 16, count: int = 3) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, width)
        self.norm, self.gate = nn.LayerNorm(width), nn.Linear(width, count)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.experts = nn.ModuleList(Expert(width) for _ in range(count))
        self.head = nn.Linear(width, 50)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        x = x + self.attention(x, x, x, need_weights=False)[0]
        x = self.norm(x)
        gate = self.gate(x).softmax(-1)
        return self.head(sum(gate[..., i : i + 1] * e(x) for i, e in enumerate(self.experts)))


class Pyramid(nn.Module):
    """Three maps, each with what is coarser added to it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ConvNorm(a, b, 2) for a, b in ((3, 8), (8, 16), (16, 32)))
        self.lateral = nn.ModuleList(nn.Conv2d(width, 4, 1) for width in (8, 16, 32))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layer, lateral in zip(self.layers, self.lateral, strict=True):
            x = layer(x)
            maps.append(lateral(x))
        made = [maps[2]]
        for finer in (maps[1], maps[0]):
            made.append(finer + functional.interpolate(made[-1], scale_factor=2.0))
        return made


class Sound(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(1, 8, 3, padding=1), nn.Conv1d(8, 16, 3, 2)
        self.norm, self.pool, self.head = nn.BatchNorm1d(16), nn.MaxPool1d(2), nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.norm(self.two(torch.tanh(self.one(x))))).mean(-1))


class Volume(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv3d(2, 8, 3, padding=1), nn.BatchNorm3d(8)
        self.pool, self.head = nn.MaxPool3d(2), nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(torch.relu(self.norm(self.conv(x)))).mean((2, 3, 4)))


class ChannelsLast(nn.Module):
    """A map whose channels are its last axis, cut into windows for a layer of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.window, self.up, self.down = nn.Linear(8, 8), nn.Linear(8, 32), nn.Linear(32, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.patch(x).permute(0, 2, 3, 1))
        batch, height, width, channels = x.shape
        cut = x.view(batch, height // 2, 2, width // 2, 2, channels).transpose(2, 3)
        cut = self.window(cut.reshape(-1, 4, channels)).view(cut.shape).transpose(2, 3)
        x = x + cut.reshape(x.shape)
        x = x + self.down(functional.gelu(self.up(x)))
        return self.head(x.mean((1, 2)))


class Mixer(nn.Module):
    """Layers across tokens, which are the last axis then, and across features."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.norm = nn.Conv2d(3, 12, 4, 4), nn.LayerNorm(12)
        self.tokens = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16))
        self.features = nn.Sequential(nn.Linear(12, 48), nn.GELU(), nn.Linear(48, 12))
        self.first = nn.Parameter(torch.zeros(1, 1, 12))
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1)
        x = x + self.features(self.norm(x))
        return self.head(x[:, 0])


class Clip(nn.Module):
    """Frames of a film, which are in the batch for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.steps = nn.Conv2d(3, 8, 3), nn.GRU(8, 7, batch_first=True)
        self.head = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        frames = self.conv(x.flatten(0, 1)).mean((2, 3))
        return self.head(self.steps(frames.unflatten(0, x.shape[:2]))[0][:, -1])


class Gate(nn.Module):
    """Channels weighted by what they hold: squeeze and excite."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3)
        self.squeeze, self.excite = nn.Linear(16, 4), nn.Linear(4, 16)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class StepsFirst(nn.Module):
    """The batch is the second axis."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(50, 16), nn.LSTM(16, 12)
        layer = nn.TransformerEncoderLayer(12, 2, 24)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(12, 5)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.encoder(self.lstm(self.embed(ids))[0]))


class Single(nn.Module):
    """It takes one image without a batch."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 3), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.two(torch.relu(self.one(x)))).mean((1, 2)))
