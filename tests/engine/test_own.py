"""A Ray of our own: who listens where while a job runs, and who is let in."""

import contextlib
import os
import socket
import stat
from pathlib import Path

import psutil
import pytest

from archlab.engine import Job, own, run
from archlab.engine.address import check_answers
from archlab.errors import EngineError

LOOPBACK = {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
QUIET = {"logging_level": "ERROR", "log_to_driver": False}


@pytest.fixture
def ray(monkeypatch):
    """Ray as on Linux, where it puts the address of a network card for 127.0.0.1."""
    ray = pytest.importorskip("ray")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    monkeypatch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", True)
    return ray


def started() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def listening() -> set[tuple[str, str]]:
    """Return which processes listen at which addresses: this one and those it has started."""
    found = set()
    for process in (psutil.Process(), *started()):
        with contextlib.suppress(psutil.NoSuchProcess):
            found |= {(process.name(), connection.laddr.ip)
                      for connection in process.net_connections("inet")
                      if connection.status == psutil.CONN_LISTEN}  # fmt: skip
    return found


@pytest.mark.slow
def test_nothing_listens_beyond_loopback_while_a_job_runs(ray, tmp_path) -> None:
    go_on = tmp_path / "go on"
    seen: set[tuple[str, str]] = set()
    commands: list[str] = []
    secrets: list[str] = []
    folders: list[Path] = []

    def look() -> None:
        if go_on.exists() or not any(name.startswith("ray::waits") for name, _ in listening()):
            return
        seen.update(listening())
        commands.extend(" ".join(process.cmdline()) for process in started())
        secrets.append(os.environ["RAY_AUTH_TOKEN"])
        session = Path(ray._private.worker._global_node.get_session_dir_path())
        folders.append(session.parents[1])
        assert stat.S_IMODE(folders[0].stat().st_mode) == 0o700
        go_on.touch()

    (outcome,) = run([Job("waits", "errands:wait_for", (str(go_on),))], "ray", beat=look)
    assert outcome.value == "it is there"
    assert {name for name, _ in seen} > {"gcs_server", "raylet"}
    assert {host for _, host in seen} <= LOOPBACK, seen
    assert len(secrets[0]) == 64
    assert not any(secrets[0] in command for command in commands)
    assert os.environ.get("RAY_AUTH_TOKEN") != secrets[0]
    assert not folders[0].exists()


@pytest.mark.slow
def test_who_has_no_token_is_not_let_in(ray, monkeypatch) -> None:
    if not hasattr(ray._raylet, "AuthenticationTokenLoader"):
        pytest.skip("Ray has tokens since 2.52")
    with own.own_ray(ray, 1, QUIET):
        address = ray.get_runtime_context().gcs_address
        check_answers(address)
        for mode, token in (("disabled", ""), ("token", "0" * 64)):
            with monkeypatch.context() as stranger:
                stranger.setenv("RAY_AUTH_MODE", mode)
                stranger.setenv("RAY_AUTH_TOKEN", token)
                with pytest.raises(EngineError, match="asks for a token: set RAY_AUTH_MODE=token"):
                    check_answers(address)


@pytest.mark.slow
def test_a_ray_that_others_could_reach_is_ended(ray, monkeypatch) -> None:
    """Without our care for loopback, Ray listens on every network card."""
    if ray._private.services.get_node_ip_address() in LOOPBACK:
        pytest.skip("no network card")
    monkeypatch.setattr(own, "_loopback", contextlib.nullcontext)
    before = {process.pid for process in started()}
    with pytest.raises(EngineError, match=r"listens beyond this machine \(.*raylet at ::.*engine"):
        list(run([Job("a", "math:hypot", (3, 4))], "ray"))
    psutil.wait_procs(left := [p for p in started() if p.pid not in before], timeout=10)
    assert not any(process.is_running() for process in left)


@pytest.mark.parametrize("host", ["127.0.0.1", ""])
def test_sockets_beyond_loopback_are_found(host) -> None:
    before = own.exposed()
    with socket.socket() as server:
        server.bind((host, 0))
        server.listen()
        found = {port for _, _, port, _ in own.exposed() - before}
        assert found == (set() if host else {server.getsockname()[1]})
