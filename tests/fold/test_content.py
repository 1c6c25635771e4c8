"""What stands on a box for several modules or operators."""

from hand_made_graphs import Maker

from archlab.fold import Wish, fold


def test_operators_are_counted_by_kind_and_the_rarest_together() -> None:
    make = Maker()
    x = make.input()
    for i in range(40):
        x = make.conv(x, f"c{i}", channels=8 + i % 7)
    notes = [box.note for box in fold(make.graph([x]), Wish(12)).boxes if box.note.endswith("conv")]
    assert notes == ["4 operators: 4 conv"] * 10


def test_modules_are_listed_by_class() -> None:
    make = Maker()
    x = make.input()
    for i in range(12):
        x = make.block(x, f"b{i}", channels=8 * (1 + i % 5))
    boxes = fold(make.graph([x]), Wish(8)).boxes
    assert {box.note for box in boxes if box.title == "2 steps"} == {"2 × Block"}
    assert boxes[1].name == "b0 … b1"
