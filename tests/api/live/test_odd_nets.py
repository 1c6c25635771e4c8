"""Live verbs on nets of every sort: right by another way, or refused; and never changed."""

from __future__ import annotations

import contextlib
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.modules import module as torch_module
from torch.nn.utils import parametrizations
from torch.utils import checkpoint as torch_checkpoint

import archlab
from archlab.errors import ArchlabError, OptionError, ProbeError
from archlab.tracer.isolate import is_lazy

VERBS = {
    "gradients": lambda net: archlab.gradients(net, seeds=1),
    "module_gradients": archlab.module_gradients,
    "twin": lambda net: archlab.gradients(net, seeds=1, twin=True),
    "responses": lambda net: archlab.responses(net, seeds=1),
    "identity": lambda net: archlab.identity(net, seeds=1),
}


def quietly(make):
    """Return what `make` makes, without the warnings of lazy, scripted and sparse modules."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


class Residual(nn.Module):
    """A layer, a residual branch and a head; the parts may be anything."""

    def __init__(self, branch=None, stem=None, head=None):
        super().__init__()
        self.stem = stem or nn.Linear(6, 6)
        self.branch = branch or nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
        self.head = head or nn.Linear(6, 3)

    def forward(self, x):
        x = self.stem(x)
        return self.head(x + self.branch(x))


class Checkpointed(Residual):
    def forward(self, x):
        x = self.stem(x)
        return self.head(x + torch_checkpoint.checkpoint(self.branch, x, use_reentrant=True))


class Complex(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(6, 6, dtype=torch.cfloat)
        self.b = nn.Linear(6, 3, dtype=torch.cfloat)

    def forward(self, x):
        x = self.a(torch.complex(x, x))
        return self.b(x + x.square()).abs()


class Twice(Residual):
    def forward(self, x):
        return self.head(self.stem(torch.relu(self.stem(x))))


class Quantized(Residual):
    """A frozen weight of eight bits beside one that is trained."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(6, 6, dtype=torch.int8), requires_grad=False)
        self.stem.requires_grad_(requires_grad=False)

    def forward(self, x):
        return super().forward(x @ (self.weight * 0.1))


class Nests(Residual):
    def forward(self, x):
        y = super().forward(x)
        return {"logits": y, "more": [(y * 2, None)], "n": 3}


class Remembers(Residual):
    """A forward that changes attributes and buffers."""

    def __init__(self):
        super().__init__()
        self.steps, self.seen = 0, None
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.steps, self.seen = self.steps + 1, x
        self.count += 1
        return super().forward(torch.dropout(x, 0.5, train=True))


class Detached(Residual):
    def forward(self, x):
        return super().forward(x).detach()


class Nothing(Residual):
    def forward(self, x):
        super().forward(x)


class Indices(Residual):
    def forward(self, x):
        return super().forward(x).argmax(1)


class Fails(Residual):
    def forward(self, x):
        if x.untyped_storage().data_ptr():  # there is memory behind it
            raise LookupError("only the trace works")
        return super().forward(x)


NETS = {
    "lazy": lambda: nn.Sequential(nn.LazyLinear(6), Residual(), nn.BatchNorm1d(3)),
    "scripted part": lambda: Residual(torch.jit.script(nn.Sequential(nn.Linear(6, 6), nn.ReLU()))),
    "scripted": lambda: torch.jit.script(nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 3))),
    "complex": Complex,
    "checkpointed": Checkpointed,
    "half": lambda: Residual().half(),
    "double": lambda: Residual().double(),
    "twice": Twice,
    "quantized": Quantized,
    "nests": Nests,
    "remembers": Remembers,
    "frozen": lambda: Residual().requires_grad_(requires_grad=False),
    "recurrent": lambda: Residual(head=nn.LSTM(6, 3)),
    "attention": lambda: nn.TransformerEncoderLayer(6, 2, 8),
    "weight norm": lambda: Residual(stem=parametrizations.weight_norm(nn.Linear(6, 6))),
    "spectral norm": lambda: Residual(stem=parametrizations.spectral_norm(nn.Linear(6, 6))),
    "sparse embedding": lambda: Residual(
        stem=nn.Sequential(nn.EmbeddingBag(9, 6, sparse=True, mode="sum"))
    ),
    "no weights": nn.ReLU,
    "one layer": lambda: nn.Linear(6, 3),
    "detached": Detached,
    "nothing": Nothing,
    "indices": Indices,
    "fails": Fails,
    "deep": lambda: nn.Sequential(*(nn.Linear(6, 6) for _ in range(60))),
    "compiled in place": lambda: _compiled(Residual()),
    "compiled": lambda: torch.compile(Residual(), backend="eager"),
}


# Without a gradient, and without a shortcut.
LOSSLESS = {"frozen", "no weights", "detached", "nothing", "indices", "fails"}
BRANCHLESS = {"scripted", "complex", "twice", "no weights", "one layer", "deep", "fails"}
REFUSED = {
    "gradients": LOSSLESS,
    "module_gradients": LOSSLESS,
    "twin": LOSSLESS | BRANCHLESS,
    "responses": {"no weights", "fails"},
    "identity": BRANCHLESS,
}


def _compiled(net):
    net.compile(backend="eager")
    return net


def facts(net):
    """Everything of a module that a measurement could change."""
    lazy = [name for name, value in net.state_dict(keep_vars=True).items() if is_lazy(value)]
    tensors = [*net.named_parameters(), *net.named_buffers()]
    return {
        "values": {
            name: value.to_dense().flatten().tolist()
            for name, value in tensors
            if name not in lazy
        },
        "lazy": lazy,
        "objects": [(name, id(value), value.requires_grad) for name, value in tensors],
        "grads": [value.grad for _, value in net.named_parameters()],
        "modes": [member.training for member in net.modules()],
        "hooks": [
            len(hooks)
            for member in net.modules()
            if not isinstance(member, torch.jit.ScriptModule)
            for hooks in (member._forward_hooks, member._forward_pre_hooks, member._backward_hooks)
        ],
        "attributes": [sorted(vars(member)) for member in net.modules()],
        "plain": getattr(net, "steps", None),
        "global hooks": len(torch_module._global_forward_hooks),
        "streams": (
            torch.get_rng_state().tolist(), random.getstate(),
            np.random.get_state()[1].tolist(),  # noqa: NPY002
        ),
        "settings": (
            torch.is_grad_enabled(), torch.is_inference_mode_enabled(),
            torch_checkpoint.CheckpointFunction,
            torch.nn.functional.scaled_dot_product_attention,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", NETS)
def test_a_net_is_measured_or_refused_and_comes_back_as_it_was(name) -> None:
    torch.manual_seed(0)
    net = quietly(NETS[name])
    loaded = archlab.load(net, input="5x9:int64" if name == "sparse embedding" else "5x6")
    before = facts(net)
    for verb, measure in VERBS.items():
        refused = name in REFUSED[verb]
        with pytest.raises(ArchlabError) if refused else contextlib.nullcontext():
            answer = quietly(lambda measure=measure: measure(loaded))
            assert answer if verb == "module_gradients" else answer.rows
        assert facts(net) == before, verb


def points(net, **conditions):
    rows = archlab.gradients(archlab.load(net, input="5x6"), seeds=1, **conditions).rows
    return [(row.path, row.activation_grad, row.weight_grad) for row in rows]


def test_a_lazy_net_gives_what_the_same_net_gives_built_eagerly() -> None:
    make = lambda: nn.Sequential(  # noqa: E731
        nn.LazyLinear(6), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(3)
    )
    lazy, made = quietly(make), quietly(make)
    torch.manual_seed(0)  # the seed that the verb draws the weights from
    quietly(lambda: made.eval()(torch.zeros(5, 6)))
    eager = nn.Sequential(nn.Linear(6, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
    eager.load_state_dict(made.state_dict())
    assert quietly(lambda: points(lazy)) == points(eager)
    assert quietly(lambda: points(lazy, mode="eval")) == points(eager, mode="eval")


def test_lazy_layers_that_never_run_are_refused() -> None:
    net = Residual()
    net.unused = quietly(lambda: nn.LazyLinear(2))
    for verb, measure in VERBS.items():
        with pytest.raises(ProbeError, match="leave out modules that never run"):
            quietly(lambda measure=measure: measure(archlab.load(net, input="5x6")))
        assert is_lazy(net.unused.weight), verb


def test_a_compiled_net_gives_what_it_gives_uncompiled() -> None:
    net = Residual()
    expected = points(net)
    assert points(torch.compile(net, backend="eager")) == expected
    net.branch = torch.compile(net.branch, backend="eager")
    assert points(net) == expected


def test_a_checkpointed_net_gives_what_the_plain_net_gives() -> None:
    plain = Residual()
    again = Checkpointed()
    again.load_state_dict(plain.state_dict())
    # A trace in eval mode runs without autograd, of which torch warns.
    assert quietly(lambda: points(again)) == points(plain)
    assert quietly(lambda: points(again, twin=True)) == points(plain, twin=True)
    loaded = [archlab.load(net, input="5x6") for net in (plain, again)]
    sizes = quietly(
        lambda: [[row.branch_to_input for row in archlab.identity(net).rows] for net in loaded]
    )
    assert sizes[0] == sizes[1] != []


def test_complex_gradients_are_those_of_real_and_imaginary_parts() -> None:
    """The same net of real numbers: (A + iB)(x + ix) = (A − B)x + i(A + B)x."""
    torch.manual_seed(0)
    layer = nn.Linear(6, 3, bias=False, dtype=torch.cfloat)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            return self.layer(torch.complex(x, x)).abs()

    seen = []

    def loss(output):
        seen.append(output)
        return output.square().sum() / 2

    x = torch.randn(5, 6)
    answer = archlab.gradients(archlab.load(Net(), input=x), seeds=1, loss=loss)
    weight = layer.weight.detach().to(torch.complex128)
    real, imaginary = weight.real.clone().requires_grad_(), weight.imag.clone().requires_grad_()
    parts = x.double() @ (real - imaginary).T, x.double() @ (real + imaginary).T
    total = (parts[0].square() + parts[1].square()).sum() / 2
    by_parts = torch.autograd.grad(total, [real, imaginary])
    (row,) = answer.rows
    expected = float(torch.cat([part.flatten() for part in by_parts]).norm())
    assert row.weight_grad == pytest.approx(expected, rel=1e-5)
    # L = ‖y‖² ÷ 2, so that dL/dy is y.
    assert row.activation_grad == pytest.approx(float(torch.stack(parts).detach().norm()), rel=1e-5)
    assert "complex64 on cpu" in answer.header.conventions[1]
    wide = archlab.gradients(archlab.load(Net(), input=x), seeds=1, loss=loss, dtype="float64")
    assert seen[-1].dtype == torch.float64
    assert wide.rows[0].weight_grad == pytest.approx(expected, rel=1e-12)


def test_a_complex_output_has_the_loss_mse() -> None:
    net = nn.Linear(6, 3, dtype=torch.cfloat)
    loaded = archlab.load(net, input=torch.randn(5, 6, dtype=torch.cfloat))
    assert "mean squared error" in archlab.gradients(loaded, seeds=1).header.conventions[1]
    with pytest.raises(OptionError, match="wants real numbers, and the output is complex"):
        archlab.gradients(loaded, seeds=1, loss="sum")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_near_full_precision(dtype) -> None:
    net = Residual().to(getattr(torch, dtype))
    answer = archlab.gradients(archlab.load(net, input="5x6"), seeds=1)
    assert f"{dtype} on cpu" in answer.header.conventions[1]
    exact = archlab.gradients(archlab.load(net, input="5x6"), seeds=1, dtype="float64")
    assert "float64 on cpu" in exact.header.conventions[1]
    norms = [[row.activation_grad for row in each.rows] for each in (answer, exact)]
    assert norms[0] == pytest.approx(norms[1], rel=0.1)


def test_a_net_of_two_dtypes_keeps_them() -> None:
    class Mixed(Residual):
        def __init__(self):
            super().__init__()
            self.stem.double()

        def forward(self, x):
            x = self.stem(x.double()).float()
            return self.head(x + self.branch(x))

    net = archlab.load(Mixed(), input="5x6")
    head = archlab.responses(net, seeds=1).header
    assert "float32 and float64 on cpu" in head.conventions[1]
    with pytest.raises(ProbeError, match=r"^The forward of Mixed failed: RuntimeError: .* dtype"):
        archlab.responses(net, seeds=1, dtype="float32")


def test_a_scripted_part_is_told() -> None:
    net = quietly(NETS["scripted part"])
    answer = quietly(lambda: archlab.identity(archlab.load(net, input="5x6"), seeds=1))
    assert "scripted, so measured as one: branch" in answer.header.conventions[1]
    assert [row.path for row in answer.rows] == [""]


@pytest.mark.parametrize("change", [{"init": "kaiming"}, {"norm": "none"}])
def test_scripted_weights_are_not_drawn_anew(change) -> None:
    net = archlab.load(quietly(NETS["scripted part"]), input="5x6")
    with pytest.raises(OptionError, match="cannot change what is scripted: branch"):
        quietly(lambda: archlab.responses(net, seeds=1, **change))


def test_computed_weights_are_not_drawn_anew() -> None:
    net = archlab.load(NETS["weight norm"](), input="5x6")
    message = r"init='kaiming' cannot draw stem\.weight, which is computed from other tensors"
    with pytest.raises(OptionError, match=message):
        archlab.responses(net, seeds=1, init="kaiming")


def test_what_only_fails_with_values_is_the_models_own_error() -> None:
    net = archlab.load(Fails(), input="5x6")
    with pytest.raises(ProbeError, match="The forward of Fails failed: LookupError: only the"):
        archlab.gradients(net, seeds=1)


def test_videos_count_all_their_pixels() -> None:
    net = nn.Sequential(nn.Conv3d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 2 * 38 * 38, 2))
    loaded = archlab.load(net, input="3x4x40x40")
    answer = archlab.responses(loaded, seeds=1)
    assert answer.header.input == "8x3x4x40x40 float32"
