"""One run on a node of a cluster; whole sweeps there are in tests/engine/test_cluster.py."""

from pathlib import Path

import pytest

from archlab.engine import Job, Needs
from archlab.errors import RunError
from archlab.runs import record
from archlab.train import remote
from archlab.train.remote import Fan, train_here


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


def test_a_run_that_was_given_a_gpu_does_not_train_on_a_cpu(planned, monkeypatch) -> None:
    """A node may have a GPU, and a torch or a driver that cannot use it."""
    monkeypatch.setattr(remote, "has_cuda", lambda: False)
    monkeypatch.setattr(remote, "start", lambda *_: pytest.fail("it trains"))
    with pytest.raises(RunError, match=r"was to train it on a GPU, and .*gpus=0 trains on CPUs"):
        remote.train_here(str(planned("run")), "resnet8", 0, on_gpu=True)


@pytest.mark.parametrize(("share", "on_gpu"), [(0.25, True), (0, False)])
def test_each_job_holds_its_share_of_a_gpu(planned, monkeypatch, share, on_gpu) -> None:
    jobs: list[Job] = []

    def run(asked, *_: object, **__: object):
        jobs.extend(asked)
        yield from ()

    monkeypatch.setattr(remote, "run", run)
    folder = planned("run")
    plans = [record.read_plan(folder)]
    remote.train_remotely(folder.parent, plans, plans, Fan("ray", gpus=share), None, None)
    assert jobs[0].needs == Needs(cpus=1, gpus=share)
    assert jobs[0].arguments[3] is on_gpu
