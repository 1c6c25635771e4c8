"""Whether a Ray cluster answers at an address, known within ten seconds."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time

from archlab.errors import EngineError, OptionError, keyword

_SECONDS = 10.0
# In a process of its own: Ray's client waits 40 seconds and cannot be interrupted.
_PROBE = """
import sys
try:
    from ray._raylet import GcsClient
except ImportError:
    sys.exit(0)  # it has moved: ray.init will tell
GcsClient(address=sys.argv[1])
"""


def check_answers(address: str) -> None:
    """Raise unless a Ray cluster answers at HOST:PORT.

    Raises:
        OptionError: no HOST:PORT.
        EngineError: nothing answers there, something that is no Ray, or a Ray that needs a token.
    """
    host, _, port = address.rpartition(":")
    if "/" in host or not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise OptionError(
            f"{keyword('address', address)} is no HOST:PORT, such as 10.0.0.1:6379. archlab runs "
            "on a node of the cluster; ray://, the client from outside, is not supported."
        )
    begin = time.monotonic()
    # A plain connection tells a closed port at once, without the second that importing Ray takes.
    try:
        socket.create_connection((host, int(port)), timeout=_SECONDS - 2).close()
    except OSError as error:
        raise _silent(address, str(error)) from error
    seconds = max(1.0, _SECONDS - (time.monotonic() - begin))
    # -P: a ray.py of the current folder must not answer in Ray's place.
    probe = [sys.executable, "-P", "-c", _PROBE, address]
    with contextlib.suppress(subprocess.TimeoutExpired):
        answer = subprocess.run(probe, timeout=seconds, capture_output=True, check=False)  # noqa: S603  our program; the address is one argument
        if answer.returncode == 0:
            return
        if b"authentication" in answer.stderr.lower():
            raise EngineError(
                f"The Ray cluster at {address} asks for a token: set RAY_AUTH_MODE=token, and "
                "RAY_AUTH_TOKEN to what `ray get-auth-token` prints on its head node."
            )
    raise _silent(address, "something listens there, but it does not answer as Ray does")


def _silent(address: str, why: str) -> EngineError:
    return EngineError(
        f"No Ray cluster answers at {address}: {why}. Check that it runs (`ray status` on its head "
        "node), its port (6379 unless `ray start --head --port` said another), and the firewall."
    )
