"""`archlab compare --diff`: every format, and how many models it takes."""

import csv
import json
import re

import pytest


def test_the_list(cli) -> None:
    run = cli("compare plain20 resnet20 --diff")
    assert run.code == 0
    assert re.search(r"^≠  layer1\.0 +ResidualUnit: \+ ⊕ \(identity\) +- +-$", run.out, re.M)
    assert "modules: + 2 added, − 0 removed, ≠ 9 changed\n" in run.out
    assert "parameters 269,722\n" in run.out


def test_equal_models_say_so(cli) -> None:
    run = cli("compare resnet20 resnet20 --diff")
    assert run.code == 0
    assert "no differences: the same modules, sizes and connections" in run.out


def test_json_csv_and_markdown(cli, tmp_path) -> None:
    for suffix in ("json", "csv", "md"):
        assert cli(f"compare resnet20 resnet26 --diff --out d.{suffix}").code == 0
    document = json.loads((tmp_path / "d.json").read_text())
    assert document["schema"] == "archlab.diff/1"
    assert document["model"] == "resnet20 → resnet26"
    assert document["totals"]["added"] == 3
    rows = list(csv.DictReader((tmp_path / "d.csv").read_text().splitlines()))
    assert [row["path"] for row in rows] == ["layer1.3", "layer2.3", "layer3.3"]
    assert [int(row["params_after"]) for row in rows] == [
        row["params_after"] for row in document["rows"]
    ]
    assert "| + | layer1.3 | ResidualUnit: 7 operators |" in (tmp_path / "d.md").read_text()


def test_the_csv_of_equal_models_has_the_same_columns(cli) -> None:
    heads = [
        cli(f"compare resnet20 {other} --diff --format csv").out.splitlines()[0]
        for other in ("resnet20", "resnet26")
    ]
    assert heads[0] == heads[1] == (
        "change,path,was,type,what,params_before,params_after,macs_before,macs_after"
    )  # fmt: skip


@pytest.mark.parametrize("models", ["resnet20", "resnet20 resnet26 resnet32"])
def test_two_models_are_wanted(cli, models) -> None:
    run = cli(f"compare {models} --diff")
    count = len(models.split())
    assert (run.code, run.err) == (2, f"archlab: MODEL: {count} given; --diff takes two.\n")
