"""What one model adds to another one: by hand, and against torch's own lists of modules."""

import itertools

import pytest
from torch import nn

import archlab
from archlab.result import record

PAIRS = [
    ("plain34", "resnet34"),
    ("resnet18", "resnet34"),
    ("resnet34", "resnet18"),
    ("torchvision:mobilenet_v2", "torchvision:mobilenet_v3_small"),
    ("torchvision:vgg11", "torchvision:vgg13_bn"),
    ("torchvision:alexnet", "torchvision:vit_b_16"),
    ("torchvision:resnet50", "torchvision:wide_resnet50_2"),
    ("torchvision:resnet18", "resnet18"),
]


def rows(first, second):
    answer = archlab.diff(first, second)
    return {(row.change, row.path): row for row in answer.rows}


@pytest.mark.parametrize("pair", PAIRS)
def test_rows_make_up_the_difference_of_the_totals(pair) -> None:
    models = [archlab.load(name) for name in pair]
    answer = archlab.diff(*models)
    params = [sum(p.numel() for p in model.runnable("eval")[0].parameters()) for model in models]
    macs = [archlab.flops(model).macs for model in models]
    totals = answer.totals
    assert [totals.params_before, totals.params_after] == params
    assert [totals.macs_before, totals.macs_after] == macs
    assert sum(row.params_after - row.params_before for row in answer.rows) == params[1] - params[0]
    assert sum(row.macs_after - row.macs_before for row in answer.rows) == macs[1] - macs[0]


@pytest.mark.parametrize("pair", PAIRS)
def test_what_is_added_is_there_and_what_is_removed_was(pair) -> None:
    before, after = (dict(archlab.load(name).runnable("eval")[0].named_modules()) for name in pair)
    for (change, path), row in rows(*pair).items():
        assert path in (before if change == "removed" else after)
        assert (row.was or path) in (after if change == "added" else before)


def test_plain_and_residual() -> None:
    """He et al. 2015, figure 3: the residual net adds shortcuts, three of them with weights."""
    found = rows("plain34", "resnet34")
    blocks = [f"layer{i}.{j}" for i, n in ((1, 3), (2, 4), (3, 6), (4, 3)) for j in range(n)]
    projections = ["layer2.0", "layer3.0", "layer4.0"]
    assert set(found) == {("changed", path) for path in blocks} | {
        ("added", f"{path}.downsample") for path in projections
    }
    for path in blocks:
        kind = "projection" if path in projections else "identity"
        assert found["changed", path].what == f"+ ⊕ ({kind})"
    for path, width in zip(projections, (128, 256, 512), strict=True):
        row = found["added", f"{path}.downsample"]
        assert (row.params_before, row.params_after) == (0, width * width // 2 + 2 * width)
        assert row.macs_after == width * width // 2 * (224 * 16 // width) ** 2


def test_blocks_that_were_put_in_are_one_row_each() -> None:
    added = [f"layer{i}.{j}" for i, (a, b) in enumerate([(2, 3), (2, 4), (2, 6), (2, 3)], 1)
             for j in range(a, b)]  # fmt: skip
    assert list(rows("resnet18", "resnet34")) == [("added", path) for path in added]
    assert list(rows("resnet34", "resnet18")) == [("removed", path) for path in added]


@pytest.mark.parametrize("name", ["googlenet", "torchvision:swin_t", "torchvision:densenet121"])
def test_a_net_is_equal_to_itself(name) -> None:
    answer = archlab.diff(name, name)
    assert answer.rows == ()
    assert "no differences" in str(answer)
    assert record(answer.totals) | {"renamed": 0} == record(answer.totals)


def net(**layers) -> archlab.Model:
    model = nn.Sequential()
    for name, layer in layers.items():
        model.add_module(name, layer)
    return archlab.load(model, input="3x8x8")


def test_what_changed_is_said() -> None:
    first = net(stem=nn.Conv2d(3, 4, 3), act=nn.ReLU(), head=nn.Conv2d(4, 5, 3))
    second = net(stem=nn.Conv2d(3, 6, 3, stride=2, bias=False), act=nn.GELU(),
                 head=nn.Conv2d(6, 5, 3))  # fmt: skip
    found = rows(first, second)
    assert list(found) == [("changed", "stem"), ("changed", "act"), ("changed", "head")]
    stem = found["changed", "stem"]
    assert stem.what == "Conv 3×3 → Conv 3×3 /2, weight 4×3×3×3 → 6×3×3×3, bias 4 → none"
    assert (stem.params_before, stem.params_after) == (4 * 27 + 4, 6 * 27)
    assert (stem.macs_before, stem.macs_after) == (4 * 27 * 36, 6 * 27 * 9)
    act = found["changed", "act"]
    assert (act.type, act.what) == ("ReLU → GELU", "ReLU → GELU")
    assert found["changed", "head"].what == "weight 5×4×3×3 → 5×6×3×3"


def test_a_layer_that_costs_less_on_smaller_maps_is_named_and_one_without_cost_is_not() -> None:
    layers = {"act": nn.ReLU(), "head": nn.Conv2d(4, 5, 1)}
    found = rows(net(stem=nn.Conv2d(3, 4, 1), **layers),
                 net(stem=nn.Conv2d(3, 4, 1, stride=2), **layers))  # fmt: skip
    assert [path for _, path in found] == ["stem", "head"]
    head = found["changed", "head"]
    assert head.what == "makes 5×8×8 → 5×4×4"
    assert (head.macs_before, head.macs_after) == (20 * 64, 20 * 16)


def test_the_same_net_under_other_names_has_no_differences() -> None:
    def layers():
        return nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Dropout()

    first = net(**dict(zip("abcd", layers(), strict=True)))
    second = net(**dict(zip("wxyd", layers(), strict=True)))
    answer = archlab.diff(first, second)
    assert answer.rows == ()
    assert answer.totals.renamed == 3
    assert "3 modules are the same under another path" in str(answer)


def test_a_connection_of_another_source_is_named() -> None:
    class Net(nn.Module):
        def __init__(self, far) -> None:
            super().__init__()
            self.far = far
            self.a, self.b, self.c = (nn.Conv2d(3, 3, 1) for _ in range(3))

        def forward(self, x):
            a = self.a(x)
            b = self.b(a)
            return self.c(b) + (a if self.far else b)

    first, second = (archlab.load(Net(far), input="3x8x8") for far in (False, True))
    (row,) = archlab.diff(first, second).rows
    assert (row.change, row.path) == ("changed", "")
    assert row.what == "+ input from a, − input from b"


def test_modules_that_do_not_run_count_by_their_parameters() -> None:
    class Net(nn.Module):
        def __init__(self, *, spare) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)
            if spare:
                self.spare = nn.Linear(4, 9)

        def forward(self, x):
            return self.head(x)

    without, having = (archlab.load(Net(spare=spare), input="4") for spare in (False, True))
    (row,) = archlab.diff(without, having).rows
    assert (row.change, row.path, row.what) == ("added", "spare", "does not run")
    assert (row.params_before, row.params_after, row.macs_after) == (0, 45, 0)


def test_other_inputs_are_said_and_maps_are_not_compared() -> None:
    sizes = [archlab.load("resnet20", input=f"3x{n}x{n}") for n in (32, 64)]
    answer = archlab.diff(*sizes)
    assert answer.rows == ()
    assert "the inputs differ" in str(answer)
    assert answer.header.input == "1x3x32x32 float32 → 1x3x64x64 float32"


def test_order_is_that_of_the_run() -> None:
    paths = [row.path for row in archlab.diff("plain34", "resnet34").rows]
    stages = [path.partition(".")[0] for path in paths]
    assert [stage for stage, _ in itertools.groupby(stages)] == [f"layer{i}" for i in range(1, 5)]


def rows_of_nets(first, second, size):
    models = [archlab.load(net, input=size) for net in (first, second)]
    return {(row.change, row.path): row for row in archlab.diff(*models).rows}


def test_a_layer_put_into_a_row_moves_the_numbers_of_the_others_and_changes_none() -> None:
    """The convolution that is put in has 8·8·9 + 8 = 584 weights, and comes with its own ReLU."""

    def net(more):
        inner = [nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()] if more else []
        ends = nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Flatten()
        return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), *inner, *ends)

    size = (1, 3, 16, 16)
    found = rows_of_nets(net(more=False), net(more=True), size)
    assert set(found) == {("added", "2"), ("added", "3")}
    assert found["added", "2"].params_after == 584
    assert set(rows_of_nets(net(more=True), net(more=False), size)) == {
        ("removed", "2"),
        ("removed", "3"),
    }
