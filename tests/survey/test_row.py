"""A request says what differs from the defaults; every column of a row has one plain type."""

from dataclasses import fields

from archlab.survey.row import Request, ScanRow, kinds


def test_every_column_has_a_plain_type() -> None:
    assert list(kinds()) == [part.name for part in fields(ScanRow)]
    assert set(kinds().values()) == {str, int, float}


def test_a_request_tells_what_is_not_default() -> None:
    request = Request(
        model="x", input=("3x8x8",), batch=2, options=(("depth", 3),), convention="fvcore",
        optimizer="sgd",
    )  # fmt: skip
    assert request.asked == (
        "--input 3x8x8 --batch 2 --set depth=3 --convention fvcore --optimizer sgd"
    )
    assert Request(model="x").asked == ""
