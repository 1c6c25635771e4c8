"""What a tensor sees: the axes of a sight, and what stays where no rule fits."""

from fractions import Fraction

from archlab.analyze.field.sight import field as fields
from archlab.analyze.field.sight.layout import of_input, plain
from archlab.analyze.field.sight.sight import Sight, Step, lost, resized, same
from archlab.ir.kinds import Kind


def image(*shape: int) -> Sight:
    return Sight(of_input(shape, {2: 0, 3: 1}), (*map(fields.image, shape[-2:]), None))


def test_axes_of_an_image() -> None:
    sight = image(1, 3, 8, 6)
    assert sight.pure(1) is None
    assert sight.pure(3) == (1, sight.axes[1])
    assert [sight.spatial(i) for i in range(4)] == [False, False, True, True]
    assert sight.moved(0, None).axes == (None, sight.axes[1], None)


def test_the_first_gate_is_remembered() -> None:
    assert image(1, 3, 8, 8).seeing_all("se1").seeing_all("se2").global_from == "se1"


def test_channels_may_change_and_image_axes_may_not() -> None:
    sight = image(1, 3, 8, 6)
    layout = resized(sight, (1, 5, 8, 6))
    assert layout is not None
    assert layout[1] == plain(5)
    assert resized(sight, (1, 3, 8, 7)) is None


def test_an_unknown_operator_is_named_once(build) -> None:
    x = build.input(1, 3, 8, 8)
    build.same(Kind.OPAQUE, x, path="fft", op="aten.fft")
    graph = build.graph()
    step = Step(graph, graph.nodes[0], (image(1, 3, 8, 8),), [])
    bound = lost(step)
    assert bound.lost == "aten.fft in fft"
    assert lost(step, bound).lost == "aten.fft in fft"
    assert same(step).axes[0].width == Fraction(1)
