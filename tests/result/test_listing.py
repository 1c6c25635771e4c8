"""A list without a model behind it, as a table and as a record."""

from dataclasses import dataclass

from archlab.result import Column, Listing, Status


@dataclass(frozen=True)
class Row:
    name: str
    size: int


def test_rows_as_a_table_and_as_a_record() -> None:
    columns = (Column("name", "net"),)
    listing = Listing("models", (Row("a", 1),), columns, footer=("1 net",), extra=(("count", 1),))
    assert str(listing).splitlines() == ["net", "───", "a", "", "1 net"]
    assert listing.to_dict() == {
        "schema": "archlab.models/1",
        "count": 1,
        "rows": [{"name": "a", "size": 1}],
    }
    assert listing.status == Status.COMPLETE
