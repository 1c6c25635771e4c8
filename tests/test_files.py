"""Files that are whole or not there, with writers that are killed."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archlab import files
from archlab.errors import OutputError, RunError, WriteError
from archlab.files import read_json, read_text, replaced, write
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


def test_a_pipe_without_a_reader_is_an_error(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WriteError, match="pipe cannot be written"):
        write(tmp_path / "pipe", "x")


def test_a_pipe_with_a_reader_is_written(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    content = "x" * 200_000  # more than a pipe holds
    with subprocess.Popen(f"cat '{tmp_path}/pipe' > '{tmp_path}/read'", shell=True) as reader:
        deadline = time.monotonic() + 60
        while True:
            try:
                write(tmp_path / "pipe", content)
                break
            except WriteError:  # `cat` has not opened it yet
                assert time.monotonic() < deadline
        assert reader.wait(60) == 0
    assert (tmp_path / "read").read_text() == content


def test_a_circle_of_links(tmp_path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    write(tmp_path / "a", "x")  # the circle leads to no file: it becomes one
    assert (tmp_path / "a").read_text() == "x"


def test_what_is_no_text_file_is_not_waited_for(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(OSError, match="it is no file"):
            read_text(path)
    write(tmp_path / "long", "x" * 101)
    with pytest.raises(OSError, match="larger than"):
        read_text(tmp_path / "long", 100)
    assert read_text(tmp_path / "long", 101) == "x" * 101


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "9" * 5000])
def test_json_that_is_too_much(tmp_path, text) -> None:
    write(tmp_path / "a.json", text)
    with pytest.raises(RunError, match=r"cannot be read: (it is nested too deeply|Exceeds)"):
        read_json(tmp_path / "a.json")


def test_a_name_that_is_no_text_can_stand_in_a_file(tmp_path) -> None:
    write(tmp_path / "a.csv", "model\n\udcff.py:Net\n")
    assert (tmp_path / "a.csv").read_text() == "model\n\\udcff.py:Net\n"


def test_the_cache_folder_is_the_users(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert files.cache_folder() == tmp_path / "archlab"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert files.cache_folder() == Path("/home/somebody/.cache/archlab")


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path) -> None:
    (tmp_path / "table.csv").write_bytes(b"\xef\xbb\xbfmodel,params\n")
    assert files.read_text(tmp_path / "table.csv", 100) == "model,params\n"
