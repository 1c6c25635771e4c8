"""Which module is which, in nets that were made for it."""

from torch import nn

import archlab
from archlab.analyze.matching import match
from archlab.ir.kinds import Kind


class Around(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) * 2


def conv() -> nn.Conv2d:
    return nn.Conv2d(3, 3, 3, padding=1)


def graph(net: nn.Module) -> archlab.Graph:
    return archlab.load(net, input="3x8x8").trace()


def test_modules_go_by_what_runs_in_them_where_paths_differ() -> None:
    first = nn.Sequential(conv(), nn.ReLU(), nn.MaxPool2d(2))
    second = nn.Sequential(conv(), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2))
    found = match(graph(first), graph(second))
    assert found.modules == {"": "", "0": "0", "2": "1", "3": "2"}
    assert sorted(found.operators) == [
        node.id for node in found.new.graph.nodes if node.path != "1"
    ]


def test_a_frame_that_is_put_around_a_module_is_a_row_of_its_own() -> None:
    first = nn.Sequential(nn.Sequential(), conv())
    second = nn.Sequential(nn.Sequential(), Around(conv()))
    answer = archlab.diff(*(archlab.load(net, input="3x8x8") for net in (first, second)))
    rows = [(row.change, row.path, row.type, row.what, row.params_after) for row in answer.rows]
    assert rows == [("added", "1", "Around", "× 2", 0)]
    assert answer.totals.renamed == 1


def test_a_function_that_becomes_a_module_leaves_the_module_around_what_it_is() -> None:
    class Net(nn.Module):
        def __init__(self, *, as_module: bool) -> None:
            super().__init__()
            self.conv, self.relu = conv(), nn.ReLU() if as_module else None

        def forward(self, x):
            x = self.conv(x)
            return self.relu(x) if self.relu else x.relu()

    first, second = (graph(nn.Sequential(Net(as_module=each))) for each in (False, True))
    assert match(first, second).modules == {"": "", "0": "0", "0.conv": "0.conv"}


def test_sides_count_a_shared_weight_once() -> None:
    shared = conv()
    side = match(graph(nn.Sequential(shared, shared)), graph(conv())).old
    assert side.params(side.inside[""]) == 3 * 3 * 9 + 3
    assert side.macs(side.inside[""]) == 2 * 3 * 3 * 9 * 64


def test_what_is_allocated_is_matched_with_what_it_is_for() -> None:
    """Batch norms allocate alike; a match of that alone would tear rows of operators apart."""
    first, second = (
        archlab.load(f"torchvision:mobilenet_v3_{size}").trace("eval")
        for size in ("large", "small")
    )
    found = match(first, second)
    created = [node.id for node in second.nodes if node.kind == Kind.CREATE]
    matched = [number for number in created if number in found.operators]
    assert matched
    assert all(number + 1 in found.operators for number in matched)
