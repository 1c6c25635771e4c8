"""What `load` takes, what it refuses, and that a user's model stays as it was."""

import contextlib
import inspect
import random
import threading
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn

import archlab
from archlab.errors import ArchlabError, OptionError, TraceError

NETS = Path(__file__).parents[1] / "resolve" / "nets.py"
VERBS = ["params", "flops", "memory", "shapes", "summary", "bottlenecks", "trace", "compare_modes"]


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_take_a_spec_a_module_or_a_loaded_model(verb) -> None:
    ask = getattr(archlab, verb)
    spec = f"{NETS}:Net"
    module = archlab.load(spec).runnable()[0]
    twice = archlab.load(archlab.load(spec, input="3x8x8"))
    answers = [ask(twice), ask(archlab.load(module, input="3x8x8"))]
    if verb == "trace":
        assert len({len(graph.nodes) for graph in answers}) == 1
        return
    documents = [answer.to_dict() for answer in answers]
    for document in documents:
        for name in ("model", "build", "rows"):  # the name differs, and so do rows of compare
            document.pop(name)
    assert documents[0] == documents[1]


def test_a_loaded_model_is_traced_once() -> None:
    model = archlab.load("resnet20")
    assert model.trace() is model.trace("eval")
    assert model.trace("train") is not model.trace("eval")
    assert archlab.load(model) is model


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: archlab.load(3), "3 is no model"),
        (lambda: archlab.load(nn.Linear), "an instance, not its class"),
        (lambda: archlab.load(nn.Linear(2, 2), bias=False), "this module is already built"),
        (lambda: archlab.load(archlab.load("resnet20"), batch=2), "This model is loaded"),
    ],
)
def test_wrong_calls(call, message) -> None:
    with pytest.raises(OptionError, match=message):
        call()


def state(net: nn.Module) -> dict:
    return {
        "values": {name: value.clone() for name, value in net.state_dict().items()},
        "versions": [item._version for item in (*net.parameters(), *net.buffers())],
        "modes": [module.training for module in net.modules()],
        "gradients": [(item.requires_grad, item.grad) for item in net.parameters()],
        "hooks": [
            (dict(module._forward_hooks), dict(module._forward_pre_hooks), len(vars(module)))
            for module in net.modules()
        ],
        "devices": {item.device for item in (*net.parameters(), *net.buffers())},
        "random": (torch.get_rng_state().tolist(), random.getstate()),
        "grad mode": torch.is_grad_enabled(),
        "fast path": torch.backends.mha.get_fastpath_enabled(),
    }


def same(before: dict, after: dict) -> bool:
    values, others = before.pop("values"), after.pop("values")
    equal = all(torch.equal(value, others[name]) for name, value in values.items())
    return equal and values.keys() == others.keys() and before == after


class Rude(nn.Module):
    """Changes itself in its forward, and fails if told to."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.dropout, self.fails, self.seen = nn.Dropout(0.5), fails, []

    def forward(self, x):
        self.last = x
        self.seen.append(x.shape)
        x = self.dropout(self.norm(self.conv(x)))
        if self.fails:
            raise RuntimeError("enough")
        return x


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("verb", VERBS)
def test_the_users_model_is_untouched(verb, training, fails) -> None:
    net = Rude(fails=fails).train(training)
    net.norm.eval()
    net.conv.weight.requires_grad_(requires_grad=False)
    before = state(net)
    try:
        getattr(archlab, verb)(archlab.load(net, input="2x3x8x8"))
        assert not fails
    except TraceError:
        assert fails
    assert same(before, state(net))
    assert net.seen == []


def test_a_tensor_that_is_given_is_untouched() -> None:
    x = torch.ones(2, 3, 8, 8)
    archlab.flops(
        archlab.load(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3)), input=x),
        mode="train",
    )
    assert torch.equal(x, torch.ones(2, 3, 8, 8))
    assert (x.grad, x.requires_grad, x._version) == (None, False, 0)


def test_global_settings_of_the_caller_do_not_matter() -> None:
    expected = archlab.flops("resnet20", mode="train").totals
    with torch.no_grad():
        assert archlab.flops("resnet20", mode="train").totals == expected
    with torch.inference_mode():
        assert archlab.flops("resnet20").totals.macs == expected.macs
    with torch.device("meta"):
        assert archlab.flops("resnet20").totals.macs == expected.macs


def test_a_module_on_meta() -> None:
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    assert archlab.flops(archlab.load(net, input="3x8x8")).totals.macs == 36 * 4 * 27


def test_a_module_on_meta_whose_forward_needs_values() -> None:
    class Reads(nn.Linear):
        def forward(self, x):
            return super().forward(x) if x.sum().item() else x

    with torch.device("meta"):
        net = Reads(4, 4)
    with pytest.raises(TraceError, match="needs values, and no copy of the module with values"):
        archlab.flops(net)


def test_a_module_that_cannot_be_copied() -> None:
    class Locked(nn.Linear):
        def __init__(self) -> None:
            super().__init__(4, 4)
            self.lock = threading.Lock()

    with pytest.raises(TraceError, match="cannot pickle"):
        archlab.flops(Locked())
    assert (
        archlab.flops(archlab.load("torch.nn:Linear", in_features=4, out_features=4)).totals.macs
        == 16
    )


def test_plain_tensors_of_a_module_are_copied_too() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.ones(3)

        def forward(self, x):
            return x * self.scale

    assert archlab.flops(archlab.load(Constant(), input=(2, 3))).totals.other_flops == 6


def test_wrappers() -> None:
    net = nn.Conv2d(3, 4, 3)
    expected = 36 * 4 * 27
    assert archlab.flops(archlab.load(nn.DataParallel(net), input="3x8x8")).totals.macs == expected
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated
        scripted = torch.jit.script(net)
        assert archlab.flops(archlab.load(scripted, input="3x8x8")).totals.macs == expected


def test_a_partial_graph_names_the_layer() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(TraceError, match=r"failed in 2 \(Linear\).*received 1x4x6x6") as caught:
        archlab.flops(archlab.load(net, input="3x8x8"))
    assert [node.path for node in caught.value.graph.nodes][:2] == ["0", "1"]


def test_no_message_shows_the_values_of_a_tensor() -> None:
    """A tensor in place of each argument of each verb that measures; messages have no numbers."""
    tensor, net = torch.full((2, 3), 0.125), nn.Linear(3, 2)
    verbs = (
        archlab.params, archlab.flops, archlab.memory, archlab.shapes, archlab.summary,
        archlab.check, archlab.compare, archlab.load, archlab.gradients, archlab.responses,
        archlab.identity, archlab.receptive_field, archlab.render,
    )  # fmt: skip
    messages = []
    for verb in verbs:
        names = [
            name
            for name, parameter in inspect.signature(verb).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]
        calls = [((tensor,), {}), *(((net,), {name: tensor}) for name in names)]
        for args, keywords in calls:
            # What is no mistake, such as `input=tensor`, runs; what torch says is its own.
            with contextlib.suppress(TypeError, RuntimeError, ValueError, AttributeError):
                try:
                    verb(*args, **keywords)
                except ArchlabError as error:
                    messages.append(str(error))
    messages += [str(archlab.load(net, input=tensor)), repr(archlab.load(net, input=[tensor]))]
    assert len(messages) > 15
    assert not [message for message in messages if "0.12" in message]


def test_another_batch_keeps_how_the_inputs_were_read() -> None:
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.rnn = nn.Conv2d(3, 2, 3), nn.GRU(4, 2, batch_first=True)

        def forward(self, image, words):
            assert words.dim() == 3
            return self.conv(image).sum((2, 3)) + self.rnn(words)[0].sum(1)

    model = archlab.load(Both(), input=["image=3x8x8", "words=5x4"])
    text = model.trace().input_text()
    assert text == "image=1x3x8x8 float32, words=1x5x4 float32"
    text = model.with_batch(2).trace().input_text()
    assert text == "image=2x3x8x8 float32, words=2x5x4 float32"
    # One size alone is one sample's, whether the model was traced before or not.
    line = archlab.load(nn.Linear(4, 2), input="4")
    for _ in range(2):
        assert line.with_batch(3).trace().input_text() == "3x4 float32"
        line.trace()
