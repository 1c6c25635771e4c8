"""The lock of a folder, also where its holder is killed."""

import signal
import subprocess
import sys

import pytest

from archlab.errors import RunError, spelled
from archlab.lock import locked


def test_a_folder_has_one_holder(tmp_path) -> None:
    with locked(tmp_path / "out"):
        with pytest.raises(RunError, match=r"is in use by another archlab.*\(out\)"):
            locked(tmp_path / "out").__enter__()
        with spelled(lambda name: f"--{name}"), pytest.raises(RunError, match=r"\(--out\)"):
            locked(tmp_path / "out").__enter__()
    with locked(tmp_path / "out"):
        pass


def test_the_system_releases_the_lock_of_a_holder_that_is_killed(tmp_path) -> None:
    code = "import os, sys; from pathlib import Path; from archlab.lock import locked\n" \
           "with locked(Path(sys.argv[1])): os.kill(os.getpid(), 9)"  # fmt: skip
    process = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert process.returncode == -signal.SIGKILL
    with locked(tmp_path):
        pass
