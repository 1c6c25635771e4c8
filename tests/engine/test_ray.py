"""A real cluster of two nodes on loopback: limits, loss of a node, interrupts, bad addresses."""

import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from archlab.engine import Job, Limits, Needs, address, run
from archlab.errors import EngineError, OptionError

pytestmark = pytest.mark.slow


def notes(folder: Path) -> Counter[str]:
    file = folder / "notes"
    return Counter(file.read_text().splitlines() if file.exists() else ())


def on_second(folder: Path) -> list[str]:
    """Jobs that the second node has begun and not ended."""
    told = notes(folder)
    keys = [line.split()[-1] for line in told if line.startswith("node second")]
    return [key for key in keys if not told[f"end {key}"]]


def test_outcomes_and_limits_are_those_of_local(cluster, tmp_path) -> None:
    jobs = [
        Job("fine", "math:hypot", (3, 4)),
        Job("fails", "math:sqrt", (-1,)),
        Job("hangs", "time:sleep", (60,)),
        Job("crashes", "os:abort"),
        Job("eats", "errands:eat", (600,)),
    ]
    limits = Limits(seconds=3, memory=400 * 2**20, attempts=2)

    def found(engine: str, **how) -> dict:
        outcomes = run(jobs, engine, limits=limits, **how)
        return {item.key: (item.value, item.reason, item.attempts) for item in outcomes}

    there = found("ray", address=cluster.address)
    assert there == found("local", side_by_side=2)
    assert there["fine"] == (5.0, "", 1)
    assert there["hangs"][1] == "timeout: no answer within 3 s"
    assert "grew beyond 400.00 MiB" in there["eats"][1]


def test_a_lost_node_costs_nothing_that_was_finished(cluster, tmp_path) -> None:
    keys = [f"job{place}" for place in range(14)]
    jobs = [Job(key, "errands:note", (str(tmp_path), key, 0.7)) for key in keys]
    killed: list[str] = []

    def kill() -> None:
        lost = on_second(tmp_path)
        if lost and not killed and "end" in str(notes(tmp_path)):
            killed.extend(lost)
            cluster.kill_second()

    found = list(run(jobs, "ray", address=cluster.address, beat=kill))
    assert sorted(item.key for item in found) == sorted(keys)
    assert all(item.value == f"did {item.key}" for item in found), found
    told, begun = notes(tmp_path), {item.key: item.attempts for item in found}
    assert killed
    assert begun[killed[0]] > 1, "what ran on the lost node is begun again"
    assert all(told[f"end {key}"] == 1 for key in keys), "nothing is done twice"
    assert {key for key in keys if told[f"begin {key}"] > 1} <= {killed[0]}


def test_an_interrupt_lets_a_job_without_limits_save(cluster, tmp_path) -> None:
    job = Job("run", "errands:saves_when_interrupted", (str(tmp_path),))

    def stop() -> None:
        if (tmp_path / "began").exists():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run([job], "ray", address=cluster.address, beat=stop))
    assert (tmp_path / "saved").exists()


DDP = """
import warnings
warnings.simplefilter("ignore")
import pytorch_lightning as pl
from pytorch_lightning.demos.boring_classes import BoringModel
trainer = pl.Trainer(max_steps=2, accelerator="cpu", devices=2, strategy="ddp", logger=False,
                     limit_val_batches=0, enable_checkpointing=False, enable_progress_bar=False,
                     enable_model_summary=False)
trainer.fit(BoringModel())
print(f"rank {trainer.global_rank} of {trainer.world_size}, step {trainer.global_step}", flush=True)
"""


def test_a_job_that_trains_by_ddp(cluster, tmp_path) -> None:
    """Two gloo ranks in one job of one node; on GPUs the same program, with devices="auto"."""
    (tmp_path / "train.py").write_text(DDP)
    job = Job("ddp", "archlab.engine.script:run_script", (["train.py"], str(tmp_path)))
    (found,) = run([job], "ray", address=cluster.address)
    assert not found.reason
    assert found.value in ("rank 0 of 2, step 2", "rank 1 of 2, step 2")


def test_jobs_share_a_gpu_by_fractions(cluster) -> None:
    """Two halves run at a time, and see just that GPU; the card itself is only declared here."""
    needs = Needs(cpus=1, gpus=0.5)
    jobs = [Job(f"half{place}", "errands:on_gpu", (1.5,), needs) for place in range(4)]
    with cluster.gpu_node():
        found = [item.value for item in run(jobs, "ray", address=cluster.address)]
    assert {seen for seen, _, _ in found} == {"0"}
    side_by_side = [
        sum(begin <= start < end for _, begin, end in found) for _, start, _ in found
    ]  # fmt: skip
    assert max(side_by_side) == 2


def test_needs_that_no_node_meets(cluster) -> None:
    job = Job("a", "math:hypot", (3, 4), Needs(cpus=1, gpus=0.5))
    with pytest.raises(OptionError, match=r"needs 1 CPU and 0.5 GPU.*1 CPU, 0 GPU; 1 CPU, 0 GPU"):
        list(run([job], "ray", address=cluster.address))


def test_addresses_that_do_not_answer(monkeypatch) -> None:
    assert address._SECONDS == 10
    monkeypatch.setattr(address, "_SECONDS", 4)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        free = closed.getsockname()[1]
    begin = time.monotonic()
    with pytest.raises(EngineError, match=r"No Ray cluster answers at 127.0.0.1.*ray status"):
        list(run([Job("a", "math:hypot", (3, 4))], "ray", address=f"127.0.0.1:{free}"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        there = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineError, match="does not answer as Ray does"):
            list(run([Job("a", "math:hypot", (3, 4))], "ray", address=there))
    assert time.monotonic() - begin < 8


@pytest.mark.parametrize("given", ["ray://head:10001", "head", "head:port", ":6379", "head:0"])
def test_addresses_that_are_none(given) -> None:
    with pytest.raises(OptionError, match="is no HOST:PORT"):
        list(run([Job("a", "math:hypot", (3, 4))], "ray", address=given))
