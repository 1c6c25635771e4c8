"""One run on a node of a cluster; whole sweeps there are in tests/engine/test_cluster.py."""

from pathlib import Path

import pytest

from archlab.errors import RunError
from archlab.train.remote import train_here


def test_a_folder_that_a_node_does_not_see(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="must be a folder that every node of the cluster sees"):
        train_here(str(tmp_path / "elsewhere"), "resnet20")
