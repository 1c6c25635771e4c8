"""Addresses of clusters: what answers is known soon, and what is no address is refused."""

import socket

import pytest

from archlab.engine import Job, address, run
from archlab.errors import EngineError, OptionError

pytestmark = pytest.mark.slow
JOB = Job("a", "math:hypot", (3, 4))


def test_addresses_that_do_not_answer(monkeypatch) -> None:
    assert address._SECONDS == 10
    monkeypatch.delattr("ray.init")  # Ray itself would wait for 40 seconds
    monkeypatch.setattr(address, "_SECONDS", 3)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        free = closed.getsockname()[1]
    with pytest.raises(EngineError, match=r"No Ray cluster answers at 127.0.0.1.*ray status"):
        list(run([JOB], "ray", address=f"127.0.0.1:{free}"))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        there = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(EngineError, match="does not answer as Ray does"):
            list(run([JOB], "ray", address=there))


@pytest.mark.parametrize("text", ["ray://head:10001", "head", "head:port", ":6379", "head:0"])
def test_addresses_that_are_none(text) -> None:
    with pytest.raises(OptionError, match="is no HOST:PORT"):
        list(run([JOB], "ray", address=text))


def test_a_file_of_the_current_folder_is_not_taken_for_ray(tmp_path, monkeypatch) -> None:
    (tmp_path / "ray.py").write_text("from pathlib import Path; Path('ran').touch(); 1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(address, "_SECONDS", 3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(EngineError, match="does not answer as Ray does"):
            address.check_answers(f"127.0.0.1:{silent.getsockname()[1]}")
    assert not (tmp_path / "ran").exists()
