"""What every question answers with: totals, rows, a table, and numbers as text. No torch."""

from archlab.result.answer import Answer, Header, Missing, Result, Status, document, record
from archlab.result.listing import Listing
from archlab.result.table import Cell, Column, Table, Unit, columns, depth, nested
from archlab.result.text import cell_text, cells, plain, si, size, unique_names, with_times

__all__ = [
    "Answer",
    "Cell",
    "Column",
    "Header",
    "Listing",
    "Missing",
    "Result",
    "Status",
    "Table",
    "Unit",
    "cell_text",
    "cells",
    "columns",
    "depth",
    "document",
    "nested",
    "plain",
    "record",
    "si",
    "size",
    "unique_names",
    "with_times",
]
