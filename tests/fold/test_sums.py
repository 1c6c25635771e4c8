"""Chains of sums as one Σ, and experts side by side."""

import torch
from torch import nn

import archlab
from archlab.fold import Role, Shape


class Branches(nn.Module):
    def __init__(self, widths=(8, 8, 8, 8), *, gates=False, list_first=False):
        super().__init__()
        self.parts = nn.ModuleList(
            nn.Sequential(nn.Linear(8, width), nn.ReLU(), nn.Linear(width, 8)) for width in widths
        )
        self.gate = nn.Linear(8, len(widths)) if gates else None
        self.list_first = list_first

    def forward(self, x):
        weight = torch.ones(1) if self.gate is None else self.gate(x).softmax(-1)
        if self.list_first:
            made = [part(x) for part in self.parts]
            return sum(made[1:], made[0])
        total = 0
        for i, part in enumerate(self.parts):
            total = total + (part(x) * weight[..., i : i + 1] if self.gate else part(x))
        return total


def drawn(module, source="16x8"):
    return archlab.render(archlab.load(module, input=source)).drawing


def sums(drawing):
    return [box for box in drawing.boxes if box.shape == Shape.SUM]


def test_equal_branches_that_are_summed_are_one_group_and_one_sum() -> None:
    for gates in (False, True):
        for list_first in (False, not gates):
            module = Branches(gates=gates, list_first=list_first)
            drawing = drawn(module)
            (row,) = (group for group in drawing.groups if group.times > 1)
            assert (row.times, row.note) == (4, "side by side")
            assert row.amounts.params == 4 * (8 * 8 + 8) * 2
            (join,) = sums(drawing)
            assert join.title == "Σ"
            params = sum(box.amounts.params or 0 for box in drawing.boxes)
            assert params == sum(p.numel() for p in module.parameters())


def named(module) -> list[str]:
    drawing = drawn(nn.Sequential(nn.Linear(8, 8), module))
    return [item.pattern for item in drawing.items if getattr(item, "pattern", "")]


def test_a_mixture_is_named_where_a_router_has_an_output_for_each_expert() -> None:
    assert named(Branches(gates=True)) == ["mixture of 4 experts"]
    assert named(Branches()) == []
    assert named(Sparse()) == ["mixture of 4 experts, top 2"]


def test_branches_of_other_widths_stay_apart_and_are_all_read_by_the_sum() -> None:
    drawing = drawn(Branches(widths=(4, 8, 16, 8)))
    assert not [item for item in drawing.items if item.times > 1]
    (join,) = sums(drawing)
    assert join.title == "Σ"
    assert len({edge.tail for edge in drawing.edges if edge.head == join.id}) == 4


def test_two_terms_are_a_plain_sum() -> None:
    assert [box.title for box in sums(drawn(Branches(widths=(4, 8))))] == ["+"]


class Residual(nn.Module):
    """x + a(x) + b(x): the shortcut joins on its own."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8))

    def forward(self, x):
        return x + self.a(x) + self.b(x)


def test_a_shortcut_joins_on_its_own() -> None:
    drawing = drawn(Residual())
    assert [box.title for box in sums(drawing)] == ["+", "+"]
    assert Role.IDENTITY in {edge.role for edge in drawing.edges}


class Sparse(nn.Module):
    """Each expert gets the tokens that chose it."""

    def __init__(self, experts=4):
        super().__init__()
        self.router = nn.Linear(8, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8)) for _ in range(experts)
        )

    def forward(self, x):
        weight, index = self.router(x).softmax(-1).topk(2)
        total = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            row, column = torch.where(index == i)
            total.index_add_(0, row, expert(x[row]) * weight[row, column, None])
        return total


def test_sparse_experts_are_one_group_and_their_router_is_told() -> None:
    module = Sparse()
    drawing = archlab.render(archlab.load(module, input="32x8")).drawing
    (row,) = (item for item in drawing.groups if item.times > 1)
    assert (row.times, row.note) == (4, "side by side")
    assert row.amounts.params == 4 * (8 * 16 + 16 + 16 * 8 + 8)
    assert [box.title for box in sums(drawing)] == ["Σ"]
