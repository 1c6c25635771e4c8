"""Every format of a hand-made result, against golden files; depth, sorting, width.

`ARCHLAB_ACCEPT=1 pytest tests/view` writes the golden files anew.
"""

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

import archlab
from archlab.errors import OptionError
from archlab.result import Column, Header, Missing, Result, Unit
from archlab.view import FORMATS, render

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Totals:
    params: int
    macs: int
    training: int | None


@dataclass(frozen=True)
class Row:
    path: str
    type: str
    params: int
    macs: int
    bytes: int
    share: float
    saved: int | None


COLUMNS = (
    Column("path", "module"),
    Column("type", "type"),
    Column("params", "params", Unit.COUNT),
    Column("macs", "MACs", Unit.SI),
    Column("bytes", "size", Unit.BYTES),
    Column("share", "share", Unit.SHARE),
    Column("saved", "saved", Unit.BYTES),
)
ROWS = (
    Row("", "Net", 314, 1_814_073_344, 1256, 1.0, None),
    Row("stage1", "Sequential", 224, 1_700_000_000, 896, 0.9371, 4096),
    Row("stage1.0", "Block|Pipe", 200, 1_700_000_000, 800, 0.9371, 4096),
    Row("stage1.0.conv", "Conv2d", 200, 1_700_000_000, 800, 0.9371, None),
    Row("stage1.1", "ReLU", 0, 0, 0, 0.0, None),
    Row("fc", "Linear", 90, 114_073_344, 360, 0.0629, 0),
)


def example() -> Result[Totals, Row]:
    head = Header("net.py:Net", "1x3x8x8 float32", "eval", "built on meta", ("1 MAC = 1 multiply",))
    missing = (Missing("aten.fft", 2, "stage1.0", "no counting rule"),)
    return Result("demo", head, Totals(314, 1_814_073_344, None), ROWS, COLUMNS, missing,
                  ("params 314 · MACs 1,814,073,344",), tree=True)  # fmt: skip


@pytest.mark.parametrize("style", FORMATS)
def test_golden(style) -> None:
    path = GOLDEN / f"demo.{style}"
    text = render(example(), style) + "\n"
    if os.environ.get("ARCHLAB_ACCEPT"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_machines_get_raw_numbers() -> None:
    rows = list(csv.DictReader(io.StringIO(render(example(), "csv"))))
    assert len(rows) == len(ROWS)
    assert (rows[0]["macs"], rows[0]["bytes"], rows[0]["share"]) == ("1814073344", "1256", "1.0")
    assert (rows[0]["saved"], rows[5]["saved"]) == ("", "0")  # unavailable is not zero
    document = json.loads(render(example(), "json"))
    assert document == example().to_dict()
    assert document["rows"][0]["saved"] is None
    assert document["totals"]["training"] is None


def test_people_get_a_dash_for_what_is_unavailable() -> None:
    for style in ("tree", "table", "md"):
        line = next(line for line in render(example(), style).split("\n") if "ReLU" in line)
        assert line.rstrip(" |").endswith("-")


def paths(text: str) -> list[str]:
    return [row["path"] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize(("depth", "count"), [(0, 1), (1, 3), (2, 5), (3, 6), (9, 6), (None, 6)])
def test_depth(depth, count) -> None:
    for style in ("csv", "json"):
        text = render(example(), style, depth=depth)
        rows = paths(text) if style == "csv" else json.loads(text)["rows"]
        assert len(rows) == count
    lines = render(example(), "tree", depth=depth).split("\n")
    hint = f"{count} of 6 rows: depth=3 shows all"
    assert (lines[-1] == hint) == (count < 6)


def test_people_get_as_many_levels_as_fit_a_screen() -> None:
    rows = [Row("", "Net", 1, 1, 1, 1.0, None)]
    for i in range(20):
        rows.append(Row(f"a{i}", "A", 1, 1, 1, 0.0, None))
        rows += [Row(f"a{i}.b{j}", "B", 1, 1, 1, 0.0, None) for j in range(3)]
    head = Header("n", "i", "eval", "b", ())
    deep = Result("demo", head, Totals(1, 1, 1), tuple(rows), COLUMNS, tree=True)
    assert render(deep).split("\n")[-1] == "21 of 81 rows: depth=2 shows all"
    assert len(paths(render(deep, "csv"))) == 81


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("params", ["", "stage1", "stage1.0", "stage1.0.conv", "fc", "stage1.1"]),
        ("type", ["", "stage1.0", "stage1.0.conv", "fc", "stage1.1", "stage1"]),
        # equal numbers keep their order, what is unavailable comes last
        ("saved", ["", "stage1", "stage1.0", "fc", "stage1.0.conv", "stage1.1"]),
        ("path", ["", "fc", "stage1", "stage1.0", "stage1.0.conv", "stage1.1"]),
    ],
)
def test_sorting_keeps_the_model_on_top(sort, order) -> None:
    assert paths(render(example(), "csv", sort=sort)) == order
    assert [
        row["path"] for row in json.loads(render(example(), "json", sort=sort))["rows"]
    ] == order
    body = render(example(), "tree", sort=sort).split("\n")[5:11]
    assert [line.split("  ")[0] for line in body] == ["(model)", *order[1:]]


def test_unknown_columns_and_formats() -> None:
    with pytest.raises(OptionError, match=r"no column 'parms' to sort by\. Did you mean params"):
        render(example(), sort="parms")
    with pytest.raises(OptionError, match=r"format='jsn' is unknown\. Did you mean json"):
        render(example(), "jsn")


@pytest.mark.parametrize("style", ["table", "tree"])
def test_text_fits_the_width(style) -> None:
    for width in (70, 80, 100):
        assert max(map(len, render(example(), style, width=width).split("\n"))) <= width


def test_markdown_is_a_table() -> None:
    lines = render(example(), "md").split("\n")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == len(ROWS) + 2
    bars = {line.replace("\\|", "").count("|") for line in table}
    assert bars == {len(COLUMNS) + 1}
    assert "Block\\|Pipe" in render(example(), "md")


def test_every_question_has_every_format() -> None:
    model = archlab.load("resnet20")
    answers = [
        archlab.params(model), archlab.flops(model), archlab.flops(model, by="kind"),
        archlab.memory(model), archlab.shapes(model), archlab.summary(model),
        archlab.bottlenecks(model), archlab.check(model, params=1),
        archlab.compare(model, "plain20"),
        archlab.bottleneck(inputs=192, outputs=32, reduce=32),
    ]  # fmt: skip
    for answer in answers:
        for style in FORMATS:
            assert render(answer, style)
        json.loads(render(answer, "json"))
        assert paths(render(answer, "csv")) == [row["path"] for row in answer.to_dict()["rows"]]
