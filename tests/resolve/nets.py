"""What users bring: small nets with everything that is odd and yet usual. Read by path in tests."""

from dataclasses import dataclass

import torch
from torch import nn


class Net(nn.Module):
    """conv 3 → width (3×3, no padding), global mean, linear → 10."""

    def __init__(self, width: int = 8, *, bias: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3, bias=bias)
        self.fc = nn.Linear(width, 10)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))


class Wide(Net):
    def __init__(self, widths: tuple[int, ...], rate: float = 0.5) -> None:
        super().__init__(sum(widths))
        self.rate = rate


class NeedsArguments(nn.Module):
    def __init__(self, width, depth) -> None:
        super().__init__()


class Refuses(nn.Module):
    def __init__(self) -> None:
        raise ValueError("not today")


class ReturnsDict(Net):
    def forward(self, x):
        return {"logits": super().forward(x), "epoch": 3, "nothing": None}


class ReturnsTuple(Net):
    def forward(self, x):
        logits = super().forward(x)
        return logits, [logits + 1, {"deep": logits * 2}]


@dataclass
class Output:
    logits: torch.Tensor
    loss: torch.Tensor | None = None


class ReturnsDataclass(Net):
    def forward(self, x):
        return Output(super().forward(x))


class ReturnsNumber(Net):
    def forward(self, x):
        return super().forward(x).mean().item()


class Empty(nn.Module):
    pass


class Passes(nn.Module):
    def forward(self, x):
        return x


class NoParameters(nn.Module):
    def forward(self, x):
        return torch.relu(x).sum()


class Tokens(nn.Module):
    """An embedding of 100 × 16, then linear → 4; `mask` is optional."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.fc = nn.Embedding(100, 16), nn.Linear(16, 4)

    def forward(self, ids, mask=None):
        x = self.embed(ids)
        return self.fc(x if mask is None else x * mask.unsqueeze(-1))


class KeywordOnly(Tokens):
    def forward(self, *, ids, mask=None):
        return super().forward(ids, mask)


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 4), nn.Linear(6, 4)

    def forward(self, x, y):
        return self.a(x) + self.b(y)


class NoInput(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, 3))

    def forward(self):
        return self.weight @ self.weight


class Raises(Net):
    def forward(self, x):
        self.conv(x)
        raise RuntimeError("the forward gave up")


class Spectrum(nn.Module):
    """A linear layer behind a Fourier transform, which archlab has no counting rule for."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(16, 16)

    def forward(self, x):
        return self.fc(torch.fft.fft(x).real)


class Branches(nn.Module):
    """Data-dependent: ones or noise decide which layer runs."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Linear(8, 4), nn.Linear(8, 400)

    def forward(self, x):
        return self.small(x) if x.abs().sum().item() >= 0 else self.large(x)


class Half(Net):
    def __init__(self) -> None:
        super().__init__()
        self.half()


class ChannelsLast(Net):
    def __init__(self) -> None:
        super().__init__()
        self.to(memory_format=torch.channels_last)


class Frozen(Net):
    def __init__(self) -> None:
        super().__init__()
        self.conv.requires_grad_(requires_grad=False)


class Declares(Net):
    """Says its input itself."""

    input_shape = (3, 20, 20)


class Lightning(Tokens):
    """Says its input as Lightning modules do."""

    example_input_array = torch.zeros(2, 7, dtype=torch.int64)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.GRU(8, 16, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


class Signal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3)

    def forward(self, x):
        return self.conv(x)


def factory(width: int = 4) -> nn.Module:
    return Net(width)


def open_factory(**options: int) -> nn.Module:
    return Net(options["width"])


def on_meta() -> nn.Module:
    with torch.device("meta"):
        return Net()


def parallel() -> nn.Module:
    return nn.DataParallel(Net())


def no_module() -> int:
    return 3


instance = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
number = 5


class NestedExample(nn.Module):
    """Its example input is a dictionary in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 2)
        self.example_input_array = {"batch": {"x": torch.randn(4, 8), "scale": torch.ones(1)}}

    def forward(self, batch):
        return self.fc(batch["x"]) * batch["scale"]
