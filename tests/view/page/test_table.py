"""A table inside a page: texts to read, numbers to sort by."""

import archlab
from archlab.view.page.table import rows


def test_a_table_has_numbers_to_sort_by() -> None:
    found = archlab.params("resnet8").table()
    line = next(iter(rows(found)))
    assert line.cells[1].value == repr(found.rows[0]["params"])
