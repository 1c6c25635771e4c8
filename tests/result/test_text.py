"""Numbers and tables as plain text."""

import pytest

from archlab.result import Column, Table, Unit, cell_text, cells, plain, si, size, unique_names


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1, "1"), (999, "999"), (1000, "1.000 K"), (12_345, "12.35 K"),
        (269_722, "269.7 K"), (999_949, "999.9 K"), (999_999, "1.000 M"), (1_000_000, "1.000 M"),
        (1_814_073_344, "1.814 G"), (55_484_350_464, "55.48 G"), (167_295_109_120, "167.3 G"),
        (1_016_716_764_160, "1.017 T"), (-6_273_791_232, "-6.274 G"), (2.5, "2.5"),
    ],
)  # fmt: skip
def test_si(value, text) -> None:
    assert si(value) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (999_400, 3, "999 K"), (999_600, 3, "1.00 M"), (9_996_000, 3, "10.0 M"),
        (9_999_600, 4, "10.00 M"), (64, 3, "64"), (2_000_000_000_000_000, 4, "2000 T"),
    ],
)  # fmt: skip
def test_si_rounds_before_it_chooses_the_prefix(value, digits, text) -> None:
    assert si(value, digits) == text


def test_si_without_zeros() -> None:
    assert [si(10**power, zeros=False) for power in (3, 4, 6)] == ["1 K", "10 K", "1 M"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (2**20, "1.00 MiB"),
        (3 * 2**29, "1.50 GiB"), (22_226_944, "21.20 MiB"), (-2048, "-2.00 KiB"),
    ],
)  # fmt: skip
def test_size(value, text) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, Unit.COUNT, "-"), (None, Unit.TEXT, "-"), (None, Unit.BYTES, "-"),
        (0, Unit.COUNT, "0"), (0, Unit.SI, "0"), (0, Unit.BYTES, "0 B"),
        (11_689_512, Unit.COUNT, "11,689,512"), (0.123456, Unit.SHARE, "12.3 %"),
        (3.6, Unit.NUMBER, "3.6"), (22.2222, Unit.NUMBER, "22.22"), (True, Unit.COUNT, "True"),
        ("7x7/2", Unit.TEXT, "7x7/2"), (3, Unit.TEXT, "3"),
    ],
)  # fmt: skip
def test_cells(value, unit, text) -> None:
    assert cell_text(value, unit) == text


TABLE = Table(
    title="demo",
    header=("a net",),
    columns=(Column("path", "module"), Column("macs", "MACs", Unit.SI)),
    rows=(
        {"path": "", "type": "Net", "macs": 7856},
        {"path": "stage", "type": "Sequential", "macs": None},
        {"path": "stage.conv", "type": "Conv2d", "macs": 80},
    ),
    footer=("the end",),
    tree=True,
)


def test_a_tree_is_indented_and_named() -> None:
    assert [row[0] for row in cells(TABLE)] == ["Net", "  stage", "    conv"]


def test_plain_text() -> None:
    assert plain(TABLE).split("\n") == [
        "a net",
        "",
        "module       MACs",
        "────────  ───────",
        "Net       7.856 K",
        "  stage         -",
        "    conv       80",
        "",
        "the end",
    ]


def wide(text: str) -> Table:
    return Table("", (), (Column("path", "path"), Column("macs", "MACs", Unit.COUNT)),
                 ({"path": text, "macs": 123_456_789},))  # fmt: skip


def test_text_is_cut_in_the_middle_to_fit() -> None:
    text = plain(wide("features.denseblock4.denselayer16.conv2"), 40)
    assert max(map(len, text.split("\n"))) == 40
    assert "…" in text
    assert text.split("\n")[-1].endswith("conv2  123,456,789")


def test_numbers_are_never_cut() -> None:
    lines = plain(wide("features.denseblock4.denselayer16.conv2"), 5).split("\n")
    assert lines[-1].endswith("  123,456,789")
    assert len(lines[-1].split("  ")[0]) == 12  # the narrowest a path becomes


def test_no_width_no_cut() -> None:
    path = "features." * 30
    assert path in plain(wide(path))


def test_sentences_are_wrapped_to_the_width() -> None:
    table = Table("", ("word " * 30,), (Column("a", "a"),), ({"a": "1"},), ("tail " * 30,))
    lines = plain(table, 60).split("\n")
    assert max(map(len, lines)) <= 60
    assert " ".join("\n".join(lines).split()).count("word") == 30


def test_an_empty_table() -> None:
    assert plain(Table("", (), (Column("a", "head"),), ())) == "head\n────"


def test_names_are_made_different() -> None:
    assert unique_names(["a", "b", "a"]) == ["a", "b", "a #2"]
