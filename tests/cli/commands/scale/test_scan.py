"""`archlab scan`: rows, holes, conditions, pictures, and what goes wrong, through the command."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archlab.survey import store

TABLE = Path(__file__).parents[4] / "tests" / "truth" / "timm_published.csv"


def lines(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_failures_and_holes(cli, request) -> None:
    first = cli("scan resnet20 nets.py:Raises nets.py:Nett 'plain2*' --out zoo.csv --jobs 1")
    assert first.code == 0, first.err
    assert "2 complete" in first.out
    assert "models ended by TraceError (first in nets.py:Raises)" in first.out
    rows = {row["model"]: row for row in lines("zoo.csv")}
    assert list(rows) == ["resnet20", "nets.py:Raises", "nets.py:Nett", "plain20"]
    # He et al. 2015, table 6; 3 + 4n + 8n − 2 + 16n − 4 pixels for n = 3
    assert (rows["resnet20"]["params"], rows["resnet20"]["rf"]) == ("269722", "81.0")
    assert (rows["resnet20"]["depth"], rows["resnet20"]["error"]) == ("20", "")
    assert "the forward gave up" in rows["nets.py:Raises"]["error"]
    assert rows["nets.py:Nett"]["params"] == ""
    assert not Path("zoo.csv.partial").exists()
    request.getfixturevalue("one_process")  # what follows is about rows, not about workers
    # again: the holes only
    text = Path("zoo.csv").read_text().splitlines(keepends=True)
    text[1] = text[1].replace("269722", "7")
    Path("zoo.csv").write_text("".join(text[:-1]))
    assert cli("scan resnet20 'plain20*' --out zoo.csv").code == 0
    rows = {row["model"]: row for row in lines("zoo.csv")}
    assert (rows["resnet20"]["params"], rows["plain20"]["params"]) == ("7", "269722")
    # another setting is another row, and --retry measures failed rows again
    text = Path("nets.py").read_text()
    Path("nets.py").write_text(text.replace("the forward gave up", "again"))
    assert cli("scan nets.py:Raises resnet20 --out zoo.csv --retry --batch 2").code == 0
    assert [row["model"] for row in lines("zoo.csv")].count("resnet20") == 2
    assert cli("scan nets.py:Raises --out zoo.csv --retry").code == 1
    rows = {(row["model"], row["asked"]): row for row in lines("zoo.csv")}
    assert "RuntimeError: again" in rows["nets.py:Raises", ""]["error"]
    assert rows["resnet20", "'--batch 2"]["macs"] == str(2 * int(rows["plain20", ""]["macs"]))
    # a user's file may have changed: it is measured without --retry, too
    Path("nets.py").write_text(text.replace("the forward gave up", "and again"))
    kept = cli("scan nets.py:Raises --out zoo.csv")
    assert "--retry measures them again" in kept.out
    rows = {(row["model"], row["asked"]): row for row in lines("zoo.csv")}
    assert "RuntimeError: and again" in rows["nets.py:Raises", ""]["error"]


def test_a_memory_in_which_nothing_runs_is_refused(cli) -> None:
    run = cli("scan resnet20 --memory 2")
    assert run.code == 2
    assert "Allowed: 128.00 MiB or more" in run.err


@pytest.mark.usefixtures("one_process")
def test_a_table_is_asked_without_measuring(cli, monkeypatch) -> None:
    assert cli("scan resnet20 resnet56 plain20 --out zoo.parquet").code == 0
    monkeypatch.setattr("archlab.survey.gather.run", None)
    found = cli("scan --out zoo.parquet --where \"macs > 1e6 and 'res' in model\" --sort params")
    assert found.code == 0, found.err
    assert found.out.index("resnet56") < found.out.index("resnet20")
    assert "plain20" not in found.out
    assert "2 of 3 rows" in found.out
    rising = cli("scan --out zoo.parquet --sort -params --top 2 --format csv").out.splitlines()
    assert [line.partition(",")[0] for line in rising] == ["model", "resnet20", "plain20"]
    assert "1 of 3 rows: --top" in cli("scan --out zoo.parquet --top 1").out
    document = json.loads(cli("scan --out zoo.parquet --format json").out)
    assert (document["schema"], document["totals"]["models"]) == ("archlab.scan/1", 3)
    assert [row["model"] for row in document["rows"]] == ["resnet20", "resnet56", "plain20"]
    drawn = cli("scan --out zoo.parquet --plot zoo.svg")
    assert drawn.code == 0
    assert "resnet56" in Path("zoo.svg").read_text()
    assert cli("scan --out zoo.parquet --plot zoo.svg --mark plain20,zoo:resnet20").code == 2
    assert cli("scan --out zoo.parquet --plot zoo.svg --mark plain20,resnet20").code == 0
    assert ">marked<" in Path("zoo.svg").read_text()


@pytest.mark.usefixtures("one_process")
def test_a_published_table(cli) -> None:
    good = cli(
        f"scan 'timm:convnext_base' 'timm:mobilenetv1_100h' --check {TABLE} --convention fvcore"
    )
    assert good.code == 0, good.out + good.err
    assert "params 3 (100.0 %), macs 3 (100.0 %), activations 3 (100.0 %)" in good.out
    bad = cli(f"scan timm:convnext_base --check {TABLE}")  # archlab's MACs lack fvcore's norms
    assert bad.code == 1
    assert "macs 0 (0.0 %)" in bad.out


BAD = {
    "nothing": ("scan", "Nothing to scan: give models or patterns"),
    "pattern": ("scan 'resnet9*'", "zoo has no model that matches 'resnet9*'. Did you mean resnet"),
    "pattern of timm": ("scan 'timm:convnxt_tiny*'", "Did you mean convnext_tiny"),
    "source": ("scan 'tim:*'", "Did you mean timm?"),
    "suffix": ("scan resnet20 --out zoo.xlsx", "Allowed: .parquet, .csv."),
    "folder": ("scan resnet20 --out no/zoo.csv", "There is no folder no"),
    "schema": ("scan resnet20 --out other.csv", "it lacks model"),
    "schema of Parquet": ("scan resnet20 --out other.parquet", "cannot be read as Parquet"),
    "condition": ("scan resnet20 --where 'mac < 3'", "Did you mean macs"),
    "code": ("scan resnet20 --where '().__class__'", "is not allowed"),
    "column before the work": ("scan nosuch --sort parms", "Did you mean params"),
    "where of a check": (
        f"scan --check {TABLE} --sort params",
        "--check and --sort exclude each other",
    ),
    "nothing to measure": ("scan --out zoo.csv --batch 2", "--batch is for MODEL"),
    "mark without a picture": ("scan resnet20 --mark resnet20", "--mark is for --plot"),
    "mark of none, before the work": (
        "scan resnet20 nosuch --plot zoo.svg --mark resnet2",
        "--mark resnet2: no such model to draw. Did you mean resnet20?",
    ),
    "retry of nothing": ("scan resnet20 --retry", "--retry is for --out"),
    "column": ("scan --out zoo.csv --sort parms", "Did you mean params"),
    "engine": ("scan resnet20 --engine rays", "Did you mean ray?"),
    "address of local": ("scan resnet20 --address a:1", "add --engine ray"),
    "no address": ("scan resnet20 --engine ray --address head", "is no HOST:PORT"),
    "memory": ("scan resnet20 --memory much", "'much' of --memory is no amount"),
    "convention": ("scan resnet20 --convention fvcor", "Did you mean fvcore?"),
    "optimizer": ("scan resnet20 --optimizer adma", "Did you mean adam?"),
    "input": ("scan resnet20 --input 3x0", "is not a shape"),
    "option": ("scan resnet20 --set depth", "is not key=value"),
    "plot": ("scan resnet20 --plot zoo.gif", "names no picture format"),
    "no table": ("scan --check no.csv", "cannot be read"),
    "another table": ("scan --check other.csv", "needs the columns model and param_count"),
    "no line": (
        f"scan timm:vgg16_b --check {TABLE}",
        "no model that matches timm:vgg16_b. Did you mean",
    ),
    "gpus of local": ("degradation --gpus 0.5", "add --engine ray"),
    "engine of a sweep": ("degradation --engine slurm", "Allowed: local, ray"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(cli, case) -> None:
    line, message = BAD[case]
    store.save(Path("zoo.csv"), [])
    Path("other.csv").write_text("name,cost\nresnet,3\n")
    Path("other.parquet").write_text("no parquet")
    before = sorted(path.name for path in Path().iterdir())
    run = cli(line)
    assert run.code == 2, run.out + run.err
    assert message in run.err
    assert "Traceback" not in run.err
    made = {path.name for path in Path().iterdir()} - {"runs", "__pycache__"}
    assert sorted(made) == before, "nothing is half-written"
    assert Path("other.csv").read_text() == "name,cost\nresnet,3\n"


@pytest.mark.slow
def test_an_address_where_no_ray_answers(cli, monkeypatch) -> None:
    monkeypatch.delattr("ray.init")  # Ray itself would wait for 40 seconds
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    run = cli(f"scan resnet20 --engine ray --address 127.0.0.1:{port} --out zoo.csv")
    assert run.code == 2
    assert "No Ray cluster answers at 127.0.0.1" in run.err
    assert "ray status" in run.err
    assert not Path("zoo.csv").exists()


WAITS = """
import os, time
from torch import nn

PARENT = os.getppid()

class Net(nn.Linear):
    def __init__(self):
        while os.getppid() == PARENT:  # until the scan is over
            time.sleep(0.01)
"""


def started(folder: Path) -> subprocess.Popen[str]:
    """A scan that measures three nets, and then waits until it is interrupted."""
    (folder / "waits.py").write_text(WAITS)
    models = ["plain20", "resnet20", "plain32", "waits.py:Net", "resnet56"]
    command = [sys.executable, "-m", "archlab", "scan", *models, "--out", "zoo.csv", "--jobs", "1"]
    return subprocess.Popen(command, cwd=folder, env=os.environ, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def wait_for_rows(process: subprocess.Popen[str], folder: Path, count: int) -> Path:
    journal = folder / "zoo.csv.partial" / store.JOURNAL
    while not journal.exists() or journal.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    return journal


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_scan_that_is_interrupted_loses_no_finished_row(tmp_path, cli, number) -> None:
    process = started(tmp_path)
    journal = wait_for_rows(process, tmp_path, 3)
    process.send_signal(number)
    _, err = process.communicate()
    if number == signal.SIGINT:
        assert process.returncode == 130, err
        assert "interrupted" in err
        assert not journal.exists()
        kept = [row["model"] for row in lines("zoo.csv")]
    else:
        kept = [row.model for row in store.Journal(Path("zoo.csv")).rows()]
        with journal.open("ab") as file:
            file.write(b'{"model": "resnet1202", "par')  # killed in the middle of a write
        assert not Path("zoo.csv").exists()
    assert kept == ["plain20", "resnet20", "plain32"]
    measured: list[str] = []
    from archlab.api.scale.scan import scan
    from archlab.survey.gather import ScanSettings

    models = [*kept, "resnet56"]
    scan(
        *models,
        out="zoo.csv",
        settings=ScanSettings(jobs=1, progress=lambda _d, _o, model: measured.append(model)),
    )
    assert measured == ["resnet56"], "only what was missing"
    assert [row["model"] for row in lines("zoo.csv")] == models
    assert not journal.exists()


@pytest.mark.slow
def test_two_scans_do_not_write_one_file(tmp_path, cli) -> None:
    process = started(tmp_path)
    try:
        wait_for_rows(process, tmp_path, 1)
        run = cli("scan resnet20 --out zoo.csv")
        assert run.code == 2
        assert "is in use by another archlab" in run.err
    finally:
        process.kill()
        process.communicate()
