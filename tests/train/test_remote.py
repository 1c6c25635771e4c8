"""One run on a node of a cluster; whole sweeps there are in tests/engine/test_cluster.py."""

from pathlib import Path

import pytest

from archlab.errors import RunError
from archlab.runs import record
from archlab.train.remote import train_here


def test_a_folder_that_a_node_does_not_see(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="must be a folder that every node of the cluster sees"):
        train_here(str(tmp_path / "elsewhere"), "resnet20")


def test_a_run_that_fails_on_a_node_keeps_its_errors_in_its_folder(planned, monkeypatch) -> None:
    folder = planned("run")
    program = folder / "python"
    program.write_text("#!/bin/sh\necho line one >&2\necho the node is odd >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr("archlab.train.process.sys.executable", str(program))
    with pytest.raises(RunError, match=r"^the node is odd \(all of it: .*run/stderr\.txt\)$"):
        train_here(str(folder), "resnet8")
    assert (folder / record.ERRORS).read_text() == "line one\nthe node is odd\n"
