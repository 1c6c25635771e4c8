"""The script that measures on a GPU, in miniature on a CPU; what is slow or hangs loses itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gpu import measure
from tests.gpu.measure import Report

SCRIPT = Path(measure.__file__)


@pytest.fixture
def report(tmp_path, monkeypatch) -> Report:
    monkeypatch.setattr(measure, "OUT", tmp_path)
    return Report(60)


@pytest.mark.slow
def test_the_script_runs_on_a_cpu(tmp_path) -> None:
    """A run killed by SIGKILL and called again has the weights of one that went straight on."""
    env = {"OUT": str(tmp_path), "PATH": "/usr/bin:/bin"}  # archlab need not be installed
    words = [sys.executable, str(SCRIPT), "steps", "equality", "--dry"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["data"]["found"]["images"] == 50
    told = found["steps"]["found"]["cifar_resnet8 fast"]
    assert set(told["ms"]) == {"stepper", "bare loop", "archlab"}
    assert told["archlab as a ratio to"]["bare loop"] == pytest.approx(
        told["ms"]["archlab"] / told["ms"]["bare loop"], abs=0.01
    )
    name = "equality cifar_resnet8 fast"
    assert found[f"{name}: resumed, killed"]["code"] == -9
    assert found[f"{name}: largest difference"]["found"] == {"again": 0.0, "resumed": 0.0}
    assert (tmp_path / "runs.tar.gz").is_file()
    assert not list(tmp_path.glob("*.part"))


def test_a_part_that_hangs_or_crashes_loses_only_itself(report, tmp_path) -> None:
    python = [sys.executable, "-c"]
    report.run("hangs", [*python, "import time; print('here'); time.sleep(60)"], 1)
    report.run("crashes", [*python, "raise SystemExit('no luck')"], 30)
    report.run("finds", [*python, "print('JSON [1]'); print('JSON [2]')"], 30)
    found = json.loads((tmp_path / "result.json").read_text())
    assert (found["hangs"]["code"], found["hangs"]["said"]) == ("stopped after 1 s", "here\n")
    assert (found["crashes"]["code"], found["crashes"]["said"]) == (1, "no luck\n")
    assert (found["finds"]["code"], found["finds"]["found"]) == (0, [2])
    assert "no luck" in (tmp_path / "log.txt").read_text()


def test_a_sweep_is_asked_to_save(report) -> None:
    saves = "import time\ntry:\n time.sleep(60)\nexcept KeyboardInterrupt:\n print('JSON 7')"
    ended = report.run("sweep", [sys.executable, "-c", saves], 2, saves=True)
    assert (ended["code"], ended["found"]) == ("stopped after 2 s", 7)


def test_failed_tests_are_named(tmp_path) -> None:
    junit = tmp_path / "junit.xml"
    junit.write_text(
        '<testsuites><testsuite><testcase classname="a" name="b"/><testcase classname="a" name="c">'
        '<failure message="no"/></testcase><testcase classname="a" name="d"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    assert measure.outcomes(junit) == {"passed": 1, "skipped": 1, "failed": {"a.c": "no"}}


def test_without_images_sweeps_are_said_not_to_be_measured(report, monkeypatch) -> None:
    monkeypatch.setattr(report, "run", lambda *_, **__: {"code": 0})
    assert measure.measure(["sweep", "paper"], "", report) == 0
    assert set(report.found) == {"sweep", "paper"}
    assert all("not measured" in said for said in report.found.values())


def test_an_unknown_part_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "sleep"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "no part is called sleep" in done.stderr
