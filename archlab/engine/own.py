"""A Ray of our own for the time of a run: on loopback, with a token that nobody else knows.

Who reaches a Ray runs code as its user, and left to itself it listens on every network card.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

import psutil

from archlab.errors import EngineError, keyword

_Listener = tuple[int, str, int, str]  # process, address, port, and the process's name


@contextlib.contextmanager
def own_ray(ray: Any, cores: int | None, quiet: Mapping[str, Any]) -> Iterator[None]:
    """Start a Ray of so many cores (None: all) that only this user of this machine can reach.

    Raises:
        EngineError: it does not start, or can be reached from elsewhere and is ended.
    """
    # Ray lets everyone write in its folder, so it lies in one that nobody else may enter. Not in
    # $TMPDIR: the names of its sockets might become too long.
    place = os.environ.get("RAY_TMPDIR") or ("/tmp" if os.name == "posix" else None)  # noqa: S108  the folder in it has a random name
    with (
        tempfile.TemporaryDirectory("", "archlab-", place, ignore_cleanup_errors=True) as folder,
        _loopback(ray._private.ray_constants),
        _token(ray._raylet),
    ):
        try:
            _start(ray, num_cpus=cores, _temp_dir=f"{folder}/ray", **quiet)
            yield
        finally:
            ray.shutdown()


def _start(ray: Any, **options: Any) -> None:
    before = exposed()
    own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        ray.init(address="local", **own, **options)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        why = str(error).strip().partition("\n")[0]
        raise EngineError(
            f"Ray does not start here: {why} Try {keyword('engine', 'local')}, which needs no Ray."
        ) from error
    # Workers come later; they listen as this process does, whose socket is among those seen.
    if listeners := exposed() - before:
        where = ", ".join(
            sorted(f"{name} at {host} port {port}" for _, host, port, name in listeners)
        )
        raise EngineError(
            f"Ray {ray.__version__} listens beyond this machine ({where}), where others could run "
            f"code as you, so it was ended. Try {keyword('engine', 'local')}, another version of "
            f"Ray, or a cluster that you have protected ({keyword('address')})."
        )


def exposed() -> set[_Listener]:
    """Return where this process and those it has started listen beyond loopback."""
    this = psutil.Process()
    found: set[_Listener] = set()
    for process in (this, *this.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.update(
                (process.pid, *socket.laddr, process.name())
                for socket in process.net_connections("tcp")
                if socket.status == psutil.CONN_LISTEN and not _is_loopback(socket.laddr.ip)
            )
    return found


def _is_loopback(host: str) -> bool:
    address = ipaddress.ip_address(host)
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


@contextlib.contextmanager
def _loopback(constants: Any) -> Iterator[None]:
    """Let Ray take 127.0.0.1 as it is given.

    It puts the address of a network card in its place, except where it takes no part in clusters:
    on Macs and Windows, by a constant that it has read when it was imported.
    """
    before = constants.ENABLE_RAY_CLUSTER
    constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        constants.ENABLE_RAY_CLUSTER = before


@contextlib.contextmanager
def _token(raylet: Any) -> Iterator[None]:
    """Let the Ray that is started ask for a token that only its processes inherit."""
    before = dict(os.environ)

    def reread() -> None:
        # In this order: Ray's threads must not look for a token that is no longer there.
        raylet.Config.initialize("")
        if hasattr(raylet, "AuthenticationTokenLoader"):  # since Ray 2.52
            raylet.AuthenticationTokenLoader.instance().reset_cache()

    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    reread()
    try:
        yield
    finally:
        for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
            del os.environ[name]
            if name in before:
                os.environ[name] = before[name]
        reread()
