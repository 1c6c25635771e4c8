"""Files that are whole or not there, with writers that are killed."""

import signal
import stat
import subprocess
import sys

import pytest

from archlab import files
from archlab.errors import OutputError, RunError
from archlab.files import read_json, replaced, write
from archlab.lock import locked

# A writer that dies after it has written and before it renames.
KILLED = """
import os, signal, sys
from pathlib import Path
from archlab import files

Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
files.write(Path(sys.argv[1]), "new")
"""


def killed(path) -> list[str]:
    """Let a process be killed while it writes a file, and return what it leaves in the folder."""
    process = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert process.returncode == -signal.SIGKILL
    return sorted(file.name for file in path.parent.iterdir())


def test_a_writer_that_is_killed_leaves_nothing_behind_for_the_next_holder(tmp_path) -> None:
    path = tmp_path / "progress.json"
    write(path, "old")
    temporary, name = killed(path)
    assert temporary.startswith(".progress.json.")
    assert (name, path.read_text()) == ("progress.json", "old")
    with locked(tmp_path):
        assert {file.name for file in tmp_path.iterdir()} == {".lock", "progress.json"}


def test_leftovers_of_one_file(tmp_path) -> None:
    for name in ("zoo[1].csv", "zoo1.csv"):
        write(tmp_path / name, "old")
        killed(tmp_path / name)
    files.remove_leftovers(tmp_path, "zoo[1].csv")
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left[0].startswith(".zoo1.csv.")
    assert left[1:] == ["zoo1.csv", "zoo[1].csv"]


def test_an_error_while_a_file_is_written_keeps_the_one_before(tmp_path) -> None:
    path = tmp_path / "a"
    write(path, "old")

    def fail() -> None:
        with replaced(path) as temporary:
            temporary.write_text("new")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        fail()
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    assert path.read_text() == "old"


def test_a_link_is_followed_and_modes_are_as_usual(tmp_path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write(tmp_path / "link", b"1")
    (tmp_path / "usual").touch()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "1"
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("file", "usual")]
    assert modes[0] == modes[1]


def test_what_cannot_be_written_or_read(tmp_path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write(tmp_path / "no" / "file", "")
    with pytest.raises(RunError, match="cannot be read"):
        read_json(tmp_path / "no")
    write(tmp_path / "list", "[]")
    with pytest.raises(RunError, match="holds no record"):
        read_json(tmp_path / "list")
