"""The chain of attempts: on meta, then with values; and what a forward that fails leaves behind."""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.modules import module as torch_module

import archlab
from archlab.errors import TraceError
from archlab.ir.kinds import Kind
from archlab.resolve.build import META, MOVED

REAL = "real tensors on the CPU"
Forward = Callable[[Any, torch.Tensor], Any]


class Net(nn.Module):
    def __init__(self, function: Forward, **members: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, member in members.items():
            self.add_module(name, member)

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(self, x)


NEED_VALUES: dict[str, Forward] = {
    "if": lambda _, x: x + 1 if x.sum() > 0 else x * 2,
    "item": lambda _, x: x * x.max().item(),
    "float": lambda _, x: x * float(x.max()),
    "int": lambda _, x: x[: int(x.abs().sum()) % 2 + 1] * 2,
    "bool": lambda _, x: x * 2 if bool((x == x).all()) else x,
    "tolist": lambda _, x: x * len(x.tolist()),
    "numpy": lambda _, x: x + torch.from_numpy(np.tanh(x.numpy())),
    "cpu().numpy": lambda _, x: x + torch.from_numpy(x.detach().cpu().numpy()),
    "mask": lambda _, x: x[x > 0] * 2,
    "nonzero": lambda _, x: x.nonzero() * 2,
    "masked_select": lambda _, x: x.masked_select(x > 0) * 2,
    "unique": lambda _, x: x.unique() * 2,
    "equal": lambda _, x: x * 2 if torch.equal(x, x) else x,
    "allclose": lambda _, x: x * 2 if torch.allclose(x, x) else x,
    "assert": lambda _, x: (torch._assert(bool(x.isfinite().all()), "infinite"), x * 2)[1],
}


@pytest.mark.parametrize("name", NEED_VALUES)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_forward_that_asks_for_values_is_traced_with_values(name: str, mode: str) -> None:
    graph = archlab.trace(archlab.load(Net(NEED_VALUES[name]), input=(2, 3)), mode=mode)
    assert graph.build.startswith(REAL)
    assert "holds for this input only" in graph.build
    assert {node.op for node in graph.nodes} & {"aten.mul", "aten.add"}


MIXED: dict[str, Forward] = {
    "to cpu": lambda _, x: x.to("cpu") + 1,
    "cpu": lambda _, x: x.cpu() * 2,
    "zeros": lambda _, x: x + torch.zeros(3),
    "zeros on cpu": lambda _, x: x + torch.zeros(2, 3, device="cpu"),
    "constant": lambda _, x: x * torch.tensor([1.0, 2.0, 3.0]),
    "cat": lambda _, x: torch.cat([x, torch.zeros(2, 3)], 1),
    "linear": lambda _, x: F.linear(x, torch.ones(4, 3)),
    "index": lambda _, x: x[:, torch.tensor([0, 2])],
    "arange": lambda _, x: x.index_select(1, torch.arange(2)),
    "written": lambda _, x: torch.zeros(2, 3).copy_(x) + 1,
    "random": lambda _, x: x[torch.randperm(2)],
}


@pytest.mark.parametrize("name", MIXED)
def test_constants_on_the_cpu_join_a_trace_on_meta(name: str) -> None:
    net = Net(MIXED[name])
    graph = archlab.trace(archlab.load(net, input=(2, 3)))
    assert graph.build == "copied to meta"
    expected = net(torch.zeros(2, 3))
    assert graph.shape(graph.outputs[0]) == tuple(expected.shape)


def test_a_hidden_state_made_on_the_cpu_is_counted() -> None:
    net = Net(lambda self, x: self.gru(x, torch.zeros(1, 2, 5))[0], gru=nn.GRU(3, 5))
    # Three gates, each hidden × (input + hidden), for 7 steps of 2 samples.
    assert archlab.flops(archlab.load(net, input=(7, 2, 3))).totals.macs == 7 * 2 * 3 * 5 * (3 + 5)


def test_the_header_says_how_the_model_was_traced() -> None:
    net = Net(NEED_VALUES["item"])
    assert REAL in archlab.flops(archlab.load(net, input=(2, 3))).header.build
    assert archlab.flops(nn.Linear(3, 4)).header.build.startswith("copied to meta")


def test_a_constructor_that_asks_for_values_is_built_on_the_cpu() -> None:
    pytest.importorskip("torchvision")
    graph = archlab.trace("torchvision:regnet_y_400mf")
    assert graph.build == MOVED
    assert archlab.trace("torchvision:squeezenet1_1").build == META
    # torchvision publishes 4,344,144 parameters for RegNet_Y_400MF_Weights.
    assert sum(param.numel for param in graph.params if not param.buffer) == 4_344_144


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_lazy_modules_get_their_shapes_first(mode: str) -> None:
    net = nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)
    )
    graph = archlab.trace(archlab.load(net, input=(2, 3, 8, 8)), mode=mode)
    assert graph.build == "copied to meta"
    shapes = {param.name: param.shape for param in graph.params}
    assert shapes["0.weight"] == (4, 3, 3, 3)
    assert shapes["1.running_mean"] == (4,)
    assert shapes["4.weight"] == (2, 4 * 6 * 6)
    linear = [node for node in graph.nodes if node.kind == Kind.LINEAR]
    assert [node.path for node in linear] == ["4"]
    # The user's own module is as lazy as it was.
    assert net[0].has_uninitialized_params()
    assert type(net[4]) is nn.LazyLinear


def test_lazy_modules_and_values_go_together() -> None:
    net = Net(lambda self, x: self.layer(x) * float(x.sum()), layer=nn.LazyLinear(4))
    assert archlab.params(archlab.load(net, input=(2, 3))).totals.params == 3 * 4 + 4


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")  # but still met
def test_a_scripted_module_is_traced_with_values() -> None:
    scripted = torch.jit.script(nn.Sequential(nn.Linear(3, 4), nn.ReLU()))
    assert archlab.flops(archlab.load(scripted, input=(2, 3))).totals.macs == 2 * 3 * 4


class Broken(nn.Module):
    """The second layer does not fit the first."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.stage = nn.Sequential(nn.ReLU(), nn.Linear(5, 6))
        self.last = nn.Linear(6, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.stage(self.first(x)))  # type: ignore[no-any-return]


def test_a_failed_forward_says_where_and_with_what() -> None:
    with pytest.raises(archlab.ArchlabError) as caught:
        archlab.trace(archlab.load(Broken(), input=(2, 3)))
    text = str(caught.value)
    assert "stage.1 (Linear)" in text
    assert "mat1 and mat2 shapes cannot be multiplied (2x4 and 5x6)" in text
    assert "It received 2x4" in text
    assert "The input was 2x3 float32" in text
    assert "another input" in text


@pytest.mark.parametrize("values", [False, True])
def test_the_part_before_a_failure_is_a_graph(values: bool) -> None:  # noqa: FBT001
    net: nn.Module = Broken()
    if values:
        net = Net(lambda self, x: self.inner(x * float(x.sum())), inner=net)
    with pytest.raises(archlab.ArchlabError) as caught:
        archlab.trace(archlab.load(net, input=(2, 3)))
    graph = caught.value.graph  # type: ignore[attr-defined]
    prefix = "inner." if values else ""
    assert graph.failure is not None
    assert graph.failure.path == f"{prefix}stage.1"
    assert graph.failure.shapes == ((2, 4),)
    assert "mat1 and mat2" in graph.failure.message
    assert [node.path for node in graph.nodes if node.kind == Kind.LINEAR] == [f"{prefix}first"]
    assert graph.nodes[-1].path == f"{prefix}stage.1"  # the transposition before the product
    assert graph.outputs == ()
    assert len(graph.params) == 6


def test_a_failure_in_the_model_itself_has_no_path() -> None:
    with pytest.raises(archlab.ArchlabError, match=r"failed in the model itself \(Net\)"):
        archlab.trace(archlab.load(Net(lambda _, x: x.view(5)), input=(2, 3)))


@pytest.mark.parametrize(
    ("net", "given", "mode", "advice"),
    [
        (nn.BatchNorm1d(3), (1, 3), "train", "try batch=2"),
        (nn.Bilinear(3, 3, 2), (1, 3), "eval", "as input='name=SHAPE:DTYPE'"),
        (nn.Sequential(nn.Identity(), nn.Embedding(9, 3)), (1, 3), "eval", ":int64"),
        (nn.Embedding(9, 3), "2x3:int8", "eval", ":int64"),
        (nn.Conv2d(3, 4, 3), (1, 4, 8, 8), "eval", "try another input"),
        (nn.Conv2d(3, 4, 3), "3x8x8:int64", "eval", "leave the dtype of input out"),
        (nn.Conv1d(3, 4, 1), "3x8:int64", "eval", "leave the dtype of input out"),
        (nn.Linear(3, 4), "2x3:int64", "eval", "leave the dtype of input out"),
        (nn.Linear(3, 4), "2x3:float16", "eval", "leave the dtype of input out"),
        (nn.LayerNorm(3), "2x3:int64", "eval", "leave the dtype of input out"),
        (nn.Linear(3, 4).half(), "2x3:float32", "eval", "try input='3x224x224:float16'"),
    ],
)
def test_a_failure_comes_with_advice(
    net: nn.Module, given: tuple[int, ...] | str, mode: str, advice: str
) -> None:
    with pytest.raises(archlab.ArchlabError, match=advice):
        archlab.trace(archlab.load(net, input=given), mode=mode)


def test_a_wrong_type_in_the_code_of_a_net_is_not_laid_on_its_tokens() -> None:
    def forward(_: Any, x: torch.Tensor) -> Any:
        return x + "unsupported operand type"  # type: ignore[operator]

    with pytest.raises(archlab.ArchlabError, match="the model's own; its traceback") as caught:
        archlab.trace(archlab.load(Net(forward), input="1x4:int64"))
    assert "leave the dtype" not in str(caught.value)


def test_advice_about_the_size_is_for_errors_of_size() -> None:
    class Picky(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("the flux is not charged")

    with pytest.raises(archlab.ArchlabError) as caught:
        archlab.trace(archlab.load(Picky(3, 4), input=(2, 3)))
    assert "If the size is wrong" not in str(caught.value)


def test_no_message_prints_the_values_of_a_tensor() -> None:
    def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
        raise ValueError(f"cannot use {x + 0.25} here")

    with pytest.raises(archlab.ArchlabError, match="cannot use a tensor") as caught:
        archlab.trace(archlab.load(Net(forward), input=torch.zeros(2, 3)))
    assert "0.25" not in str(caught.value)


def test_what_meta_does_not_know_is_tried_otherwise() -> None:
    """An operator without a rule for fake tensors runs on real ones (2 × 3 by 3 × 4)."""

    @torch.library.custom_op("archlab_test::product", mutates_args=())
    def product(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return x @ w

    net = Net(lambda self, x: self.linear(product(x, self.w)), linear=nn.Linear(4, 5))
    net.w = nn.Parameter(torch.randn(3, 4))
    result = archlab.flops(archlab.load(net, input=(2, 3)))
    assert result.header.build.startswith(REAL)
    assert (result.macs, result.status) == (2 * 4 * 5, "partial")
    assert "archlab_test.product" in str(result)


def test_another_reading_comes_before_another_kind_of_tensor() -> None:
    """3x8x8 is read as an image first; a net of sequences says so in its own words."""

    class Sequences(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.dim() != 3:
                raise ValueError("sequences have three axes")
            return super().forward(x)

    graph = archlab.trace(archlab.load(Sequences(8, 4), input="3x8x8"))
    assert (graph.build, graph.shape(graph.inputs[0])) == ("copied to meta", (3, 8, 8))


DEEP = 240


def test_what_nests_as_deep_as_torch_allows_is_traced() -> None:
    net: nn.Module = nn.Identity()
    for _ in range(DEEP):
        net = nn.Sequential(nn.Linear(2, 2), net)
    assert archlab.flops(archlab.load(net, input=(1, 2))).macs == DEEP * 4


def test_an_error_of_the_model_is_raised_from_its_own() -> None:
    class OwnError(Exception):
        pass

    def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
        raise OwnError("meta-physical trouble")

    with pytest.raises(archlab.ArchlabError, match="OwnError: meta-physical trouble") as caught:
        archlab.trace(archlab.load(Net(forward), input=(1, 2)))
    assert isinstance(caught.value.__cause__, OwnError)


@pytest.mark.parametrize(
    ("signal", "seen"),
    [
        (KeyboardInterrupt, KeyboardInterrupt),
        (SystemExit, TraceError),  # a forward may fail, and not end the process
        (GeneratorExit, TraceError),
    ],
)
def test_only_interrupts_pass_through(
    signal: type[BaseException], seen: type[BaseException]
) -> None:
    def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
        raise signal

    attention, state = F.scaled_dot_product_attention, torch.get_rng_state()
    with pytest.raises(seen):
        archlab.trace(archlab.load(Net(forward), input=(1, 2)))
    assert F.scaled_dot_product_attention is attention
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch_module._global_forward_hooks
    assert not torch_module._global_forward_pre_hooks
    assert torch.is_grad_enabled()


AMBIENT: dict[str, Callable[[], contextlib.AbstractContextManager[Any]]] = {
    "inference mode": torch.inference_mode,
    "no_grad": torch.no_grad,
    "device": lambda: torch.device("meta"),
}


@pytest.mark.parametrize("ambient", AMBIENT)
def test_the_callers_context_changes_no_number(ambient: str) -> None:
    encoder = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
    expected = archlab.trace(archlab.load(encoder, input=(2, 5, 16)), mode="train")
    with AMBIENT[ambient]():
        graph = archlab.trace(archlab.load(encoder, input=(2, 5, 16)), mode="train")
    assert graph == expected
