"""A Ray cluster of two nodes on this machine's loopback, without dashboard and statistics."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

HERE = str(Path(__file__).parent)
# Ray puts the address of a network card for 127.0.0.1; told that it is on a Mac, it does not.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# Ray gives way to everything else (nice 15): on a busy machine its jobs would hardly begin.
os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  Ray spells it so


@pytest.fixture(autouse=True)
def errands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import `errands`."""
    monkeypatch.syspath_prepend(HERE)


class TwoNodes:
    """A cluster whose second node can be killed; `with_second` puts another in its place."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._node = {
            "num_cpus": 1, "node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20,
        }  # fmt: skip
        with _inherited("first"):
            head = {**self._node, "include_dashboard": False}
            self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self._second: Any = None
        self.address: str = self._cluster.address

    def with_second(self) -> "TwoNodes":
        if self._second is None:
            with _inherited("second"):
                self._second = self._cluster.add_node(**self._node)
        return self

    def second_runs(self, text: str) -> bool:
        """Whether a process of the second node has a text in its command."""
        for process in self._of_second():
            with contextlib.suppress(psutil.Error):
                if text in " ".join(process.cmdline()):
                    return True
        return False

    def kill_second(self) -> None:
        """As if its power failed: Ray's daemon, its workers and what they have started."""
        for process in self._of_second():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._cluster.remove_node(self._second, allow_graceful=False)
        self._second = None

    def _of_second(self) -> list[psutil.Process]:
        if self._second is None:
            return []
        raylet = psutil.Process(self._second.all_processes["raylet"][0].process.pid)
        return [raylet, *raylet.children(recursive=True)]

    @contextmanager
    def gpu_node(self) -> Iterator[None]:
        """For a while a node that says it has a GPU: Ray hands out shares of what it is told."""
        with _inherited("gpu"):
            node = self._cluster.add_node(**{**self._node, "num_cpus": 4}, num_gpus=1)
        yield
        self._cluster.remove_node(node)

    def end(self) -> None:
        self._cluster.shutdown()


@contextmanager
def _inherited(name: str) -> Iterator[None]:
    """What a node's processes inherit: where `errands` is, and the node's name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
        patch.setenv("NODE", name)
        patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)  # which hides the GPU that a node says
        yield


@pytest.fixture(scope="session")
def _nodes() -> Iterator[TwoNodes]:
    made = TwoNodes()
    yield made
    made.end()


@pytest.fixture
def cluster(_nodes: TwoNodes) -> TwoNodes:
    """A cluster with both of its nodes, one core each."""
    return _nodes.with_second()
