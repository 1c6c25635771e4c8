"""Starts calls of the command line for `test_kills.py`, in forks: `python kills.py`.

Each call is a process in a session of its own, with files as its outputs, and is killed from
outside. It is a fork of one that has imported torch and Lightning, which takes Python seconds; the
processes that it starts itself are real ones. Asked by lines of JSON on standard input; answers are
lines on standard output.
"""

import gc
import json
import os
import signal
import sys
import tempfile
import time
from importlib import import_module

FORK = "fork"
NEEDED = (
    "archlab.api.scale.scan", "archlab.api.training.curves", "archlab.api.training.degradation",
    "archlab.api.training.single", "archlab.engine.local", "archlab.train.degradation",
    "archlab.train.loggers", "archlab.train.run", "filelock", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "psutil", "pyarrow.parquet", "pydantic",
    "pytorch_lightning", "torch.utils.tensorboard",
)  # fmt: skip


def serve() -> None:
    """Answer until the input ends: the number of a process that was started, or how one ended."""
    with os.fdopen(os.dup(0)) as asks, os.fdopen(os.dup(1), "w") as answers:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)  # what an import prints is no answer
        prepare()
        answer: str | int | None = "ready"
        while answer != FORK:
            print(json.dumps(answer), file=answers, flush=True)
            if not (line := asks.readline()):
                return
            asked = json.loads(line)
            answer = started(asked) if "argv" in asked else ended(asked["process"], asked["limit"])
    call(asked)  # in a fork, with the server's files closed


def prepare() -> None:
    """Import what calls need."""
    from archlab.cli.app import built

    for name in NEEDED:
        import_module(name)
    for name in ("degradation", "scan", "train"):
        built(name)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page


def started(asked: dict) -> int | str:
    """Fork; once that process can be killed, return its number, and in the process itself FORK."""
    begun, begins = os.pipe()
    process = os.fork()
    if process == 0:
        os.setsid()
        behind = asked["behind"]
        signal.signal(signal.SIGINT, signal.SIG_IGN if behind else signal.default_int_handler)
        os.close(begun)
    os.close(begins)
    if process:
        os.read(begun, 1)
        os.close(begun)
    return process or FORK


def call(asked: dict) -> None:
    """Be the command line, to the end of the process."""
    from archlab.cli import main

    file = os.open(asked["messages"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    os.chdir(asked["folder"])
    # Given here, or Python would write a file to try the folder, and leave it when killed.
    os.environ["TMPDIR"] = tempfile.tempdir = asked["temporary"]
    sys.argv = ["archlab", *asked["argv"]]
    sys.modules["__main__"].__file__ = "archlab"  # the process is the command's alone
    main()


def ended(process: int, limit: float) -> int | None:
    """Return the exit code of a process, or None where it goes on after so many seconds."""
    over = time.monotonic() + limit
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= over:
            return None
        time.sleep(0.005)


if __name__ == "__main__":
    serve()
