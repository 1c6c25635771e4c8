"""A model's code cannot disturb an answer, nor how the command ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NETS = Path(__file__).with_name("odd_nets.py")


def archlab(line: str, folder: Path, shell: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in a shell, with what stands behind it there."""
    command = f"'{sys.executable}' -m archlab {line} {shell}"
    return subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("odd")
    (place / "odd.py").write_text(NETS.read_text())
    return place


ODD = {
    "Prints": "by Python\nbelow Python",
    "Closes": "closed or replaced sys.stdout",
    "Replaces": "closed or replaced sys.stdout",
    "Reads": "",
    "Moves": "",
    "Forks": "has forked; its copy ends here",
    "Threads": "still run, and end now: ['sleeper']",
    "Chatters": "on and on",
}


@pytest.mark.parametrize("name", ODD)
def test_an_answer_is_whole(name, folder) -> None:
    run = archlab(f"params odd.py:{name} -i 2x8 -f json", folder)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["totals"]["params"] == 8 * 8 + 8
    assert ODD[name] in run.stderr
    assert bool(run.stderr) == bool(ODD[name])


def test_a_file_lands_where_it_was_meant(folder) -> None:
    run = archlab("params odd.py:Moves -i 2x8 -o moved.json", folder)
    assert (run.returncode, run.stderr) == (0, "wrote moved.json\n")
    assert (folder / "moved.json").is_file()


ENDS = {
    "odd.py:Exits": "failed in the model itself (Exits): the code asked to end the process",
    "odd.py:ExitsAtOnce": "os._exit(0)",
    "odd.py:RaisesUnheard": "(Unheard: of an odd kind)",
    "odd.py:EndsLater": "ValueError: and now",
    "odd.py:RaisesSpeechless": "SpeechlessError was raised, and its message cannot be shown",
    "odd.py:factory": "odd.py:factory cannot be built: the code asked to end the process",
}


@pytest.mark.parametrize("model", ENDS)
def test_a_check_never_passes_by_an_exit(model, folder) -> None:
    run = archlab(f"check {model} -i 2x8 --max-params 1M", folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert ENDS[model] in run.stderr
    if not model.endswith("Later"):  # Python tells what failed at its end
        assert run.stderr.count("\n") == 1


def test_a_limit_of_time(folder) -> None:
    run = archlab("check odd.py:Loops -i 2x8 --max-params 1M --timeout 3", folder)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "\narchlab: not done after 3 s, the limit of --timeout\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has it")
@pytest.mark.parametrize("line", ["params resnet20", "models", "--help", "bottleneck --help"])
def test_standard_output_is_full(line, folder) -> None:
    run = archlab(line, folder, ">/dev/full")
    assert run.returncode == 74
    assert run.stderr.count("\n") == 1
    assert "cannot be written: No space left on device" in run.stderr


def test_standard_output_is_closed(folder) -> None:
    run = archlab("params resnet20", folder, ">&-")
    assert (run.returncode, run.stderr) == (
        74, "archlab: Standard output is closed: there is nowhere to write the answer to.\n"
    )  # fmt: skip
    # What was written counts as written.
    run = archlab("params resnet20 -o table.json", folder, ">&-")
    assert (run.returncode, run.stderr) == (0, "wrote table.json\n")
    assert json.loads((folder / "table.json").read_text())["totals"]["params"] == 269_722


def test_standard_error_is_closed_or_full(folder) -> None:
    for shell in ("2>&-", "2>/dev/full"):
        run = archlab("params resnet20 -f json", folder, shell)
        assert run.returncode == 0
        assert json.loads(run.stdout)["totals"]["params"] == 269_722
        assert archlab("params resnt20", folder, shell).returncode == 2


def test_names_do_not_act_on_a_terminal(folder) -> None:
    (folder / "names.py").write_text(
        "from torch import nn\n"
        "def net():\n"
        "    net = nn.Sequential()\n"
        "    net.add_module('\\x1b[2Jlayer\\u202e', nn.Linear(8, 8))\n"
        "    net.add_module('=cmd|x', nn.Linear(8, 8))\n"
        "    net.add_module('<b>[a](javascript:b)', nn.Linear(8, 8))\n"
        "    return net\n"
    )
    for format_ in ("tree", "table", "csv", "md", "json"):
        run = archlab(f"params names.py:net -i 2x8 -f {format_}", folder)
        assert run.returncode == 0, run.stderr
        assert all(sign.isprintable() or sign == "\n" for sign in run.stdout), format_
        assert ("'=cmd|x" in run.stdout) == (format_ == "csv"), format_
        assert ("<b>[a]" in run.stdout) == (format_ != "md"), format_
    drawing = archlab("render names.py:net -i 2x8", folder).stdout
    assert "\\x1b[2Jlayer\\u202e" in drawing
    assert all(sign.isprintable() or sign == "\n" for sign in drawing)


def test_a_folder_that_is_gone(folder) -> None:
    (folder / "gone").mkdir()
    run = archlab("params resnet20", folder / "gone", "; exit $?")
    assert run.returncode == 0, run.stderr
    command = f"rmdir ../gone; '{sys.executable}' -m archlab params resnet20"
    run = subprocess.run(
        ["bash", "-c", command], cwd=folder / "gone", capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert "The current folder has been deleted." in run.stderr
