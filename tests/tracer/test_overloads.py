"""What an operator's schema says: its arguments, what it writes, whether it is taken apart."""

import pytest
import torch

from archlab.ir.kinds import Kind
from archlab.tracer import shapes
from archlab.tracer.operators import READERS
from archlab.tracer.overloads import operator
from archlab.tracer.readers import Call

ATEN = torch.ops.aten


def test_arguments_are_bound_by_name_in_the_order_of_the_schema() -> None:
    """addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1)"""
    bound = operator(ATEN.addmm.default).bind(("bias", "x", "w"), {"alpha": 2})
    assert list(bound.items()) == [
        ("self", "bias"), ("mat1", "x"), ("mat2", "w"), ("beta", 1), ("alpha", 2),
    ]  # fmt: skip


def test_an_argument_that_is_not_given_has_its_default_or_none() -> None:
    """max_pool2d(Tensor self, int[2] kernel_size, int[2] stride=[], …, bool ceil_mode=False)"""
    bound = operator(ATEN.max_pool2d.default).bind(("x",), {"ceil_mode": True})
    assert (bound["kernel_size"], bound["stride"], bound["ceil_mode"]) == (None, [], True)


@pytest.mark.parametrize(
    ("func", "writes"),
    [
        (ATEN.relu.default, ()),
        (ATEN.relu_.default, ("self",)),
        (ATEN.add.out, ("out",)),
        (ATEN.view.default, ()),  # its result is a view, and yet nothing changes
        (ATEN.native_batch_norm.default, ()),
        (ATEN._fused_sgd_.default, ("self", "grads", "momentum_buffer_list")),
    ],
    ids=str,
)
def test_what_an_operator_changes_in_place(func, writes) -> None:
    assert operator(func).writes == writes


def test_an_operator_in_place_is_read_as_the_one_that_returns() -> None:
    assert operator(ATEN.relu_.default).reader is READERS["aten.relu"]
    assert operator(ATEN.relu_.default).name == "aten.relu_"


def test_a_pointwise_operator_has_a_shape_rule_where_floats_stay_floats() -> None:
    assert operator(ATEN.exp.default).shape is shapes.pointwise
    assert operator(ATEN.exp_.default).shape is shapes.in_place
    assert operator(ATEN.exp.out).shape is None  # its result is a tensor that exists already
    assert operator(ATEN.abs.default).shape is None  # of complex numbers it makes real ones


def test_only_an_operator_without_a_line_is_taken_apart() -> None:
    # torch itself makes `linear`, `matmul` and `dropout` of other operators, but not `exp`.
    parts = {"linear": False, "matmul": True, "dropout": True, "exp": False}
    assert {name: operator(getattr(ATEN, name).default).composite for name in parts} == parts
    assert "aten.linear" in READERS


def test_an_operator_of_a_library_without_a_line_is_not_known() -> None:
    with torch.library._scoped_library("archlab_overloads", "DEF") as library:
        library.define("scale(Tensor(a!) x, Tensor y, float by=2.5) -> ()")
        known = operator(torch.ops.archlab_overloads.scale.default)
    assert (known.name, known.writes, known.shape) == ("archlab_overloads.scale", ("x",), None)
    assert known.defaults == {"x": None, "y": None, "by": 2.5}
    kind, _ = known.reader(Call(known.name, {}, None, lambda _: False))
    assert kind == Kind.OPAQUE
