"""Runs calls of the command line for `test_attacks.py`, in forks: `python attacks.py BOX`.

A call may close standard output, delete the folder that it runs in, hang or take all memory. So it
runs in a process that can be ended: a fork of one that has imported torch, which begins in
milliseconds. Calls are lines of JSON on standard input, and so are answers on standard output.
"""

import contextlib
import gc
import json
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TextIO

import hostile_files
import torch

from archlab.cli import main
from archlab.cli.app import COMMANDS, built

WARM = (
    "params nets.py:Net -i 3x8x8 --depth 1",
    "flops nets.py:Net -f json",
    "render nets.py:Net",
    "memory nets.py:Net -f csv",
    "rf nets.py:Net",
    "params zzz",
    "params --zzz",
)
CALLS = 50  # after so many a process makes place for a new one: calls leave memory behind
MEMORY = 3 * 2**30  # bytes a call may take on top of what this process has
HEAVY = (  # what several commands import, for seconds
    "archlab.api.cost", "archlab.api.field.pictures", "archlab.api.live.gradients",
    "archlab.api.live.pictures", "archlab.api.live.probes", "archlab.api.page.report",
    "archlab.api.render", "archlab.api.scale.scan", "archlab.api.training.curves",
    "archlab.api.training.degradation", "archlab.api.training.finetune",
    "archlab.api.training.single", "archlab.api.training.trained", "archlab.doctor",
    "archlab.picture.graph",
    "archlab.resolve.catalog", "archlab.train.run", "fvcore.nn", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "pyarrow.parquet", "pydantic", "pytorch_lightning",
    "tensorboard.backend.event_processing.event_accumulator", "timm",
    "torch.utils.tensorboard", "torchvision.models", "yaml",
)  # fmt: skip


def serve(box: Path) -> None:
    """Answer the calls on standard input until it ends."""
    calls, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(2, 1)  # what an import prints is no answer
    prepare()
    whole = box.with_name("whole")  # the box as it was, to begin anew after a call that changed it
    whole.mkdir()
    os.chdir(whole)
    hostile_files.make_runs(line_in_fork)
    hostile_files.make(whole)
    os.chdir(box.parent)
    copy(whole, box)
    os.chdir(box)
    for line in WARM:
        sys.argv = ["archlab", *line.split()]
        with contextlib.suppress(SystemExit):
            main()
    os.chdir(box.parent)
    gc.collect()
    gc.freeze()  # a collection in a fork would copy every page
    # The first line says what there is to attack with.
    names = sorted(str(path.relative_to(box)) for path in box.rglob("*"))
    nets = re.findall(r'^(?:class|\w+\(")"? ?(\w+)', hostile_files.NETS, re.MULTILINE)
    print(json.dumps({"files": names, "nets": nets}), file=answers, flush=True)
    before, worker = state_of(box), None
    for line in calls:
        asked = json.loads(line)
        worker = worker or Worker(box)
        answer = worker.call(asked["argv"], asked["limit"])
        if asked["alone"] or worker.spent:
            worker = worker.end()
        after = state_of(box)
        answer["changed"] = sorted(
            path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        )
        if answer["changed"]:
            renew(box, whole, before, after)
            before = state_of(box)
        print(json.dumps(answer), file=answers, flush=True)
    if worker:
        worker.end()


def prepare() -> None:
    """Import what calls need, and let them start no processes: each would import torch again."""
    for name in HEAVY:
        import_module(name)
    for name in COMMANDS:
        built(name)
    from archlab.doctor.imports import Imported
    from archlab.engine import local
    from archlab.engine.job import perform
    from archlab.errors import ArchlabError
    from archlab.train.run import execute

    def run_local(jobs, **_):
        yield from map(perform, jobs)

    def start(folder, model, gradients=0, _card=""):
        errors, code = folder / "stderr.txt", 0
        try:
            execute(folder, trusted=model)
        except ArchlabError as error:
            errors.write_text(f"{error}\n")
            code = 2
        return SimpleNamespace(poll=lambda: code, wait=lambda *_: code), errors

    local.run_local = run_local
    sweeps = sys.modules["archlab.train.degradation"]
    sweeps.start, sweeps._POLL = start, 0.0
    sys.modules["archlab.doctor.packages"].imported = lambda names: Imported(
        dict.fromkeys(names, ""), cuda="", gpus=()
    )


def copy(whole: Path, box: Path) -> None:
    """Copy a folder; `shutil` cannot copy a named pipe."""
    subprocess.run(["cp", "-a", str(whole), str(box)], check=True)


def renew(box: Path, whole: Path, before: dict, after: dict) -> None:
    """Make the folder that calls run in as it was at first."""
    if all(after.get(path) == status for path, status in before.items()):
        for path in (box / path for path in after.keys() - before.keys()):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    else:
        shutil.rmtree(box, ignore_errors=True)
        copy(whole, box)


def state_of(box: Path) -> dict[str, tuple[int, ...]]:
    """Return what would be different had a file been written: compiled Python aside."""
    found = {}
    for folder, _, names in os.walk(box):
        found[os.fsdecode(os.path.relpath(folder, box))] = ()
        for name in names:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            found[os.path.relpath(path, box)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return {name: status for name, status in found.items() if "__pycache__" not in name}


def line_in_fork(*argv: str) -> None:
    """Run one line that must succeed, in the working folder."""
    worker = Worker(Path.cwd())
    answer = worker.call(argv, 100)
    worker.end()
    assert answer["code"] == 0, answer


class Worker:
    """A fork that runs one call after another, as long as they leave it as it was."""

    def __init__(self, box: Path) -> None:
        self.files = [box.with_name(name) for name in ("out", "err")]
        self.calls, self.spent = 0, False
        asks, self.ask = os.pipe()
        self.reply, replies = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            try:
                os.close(self.ask)
                os.close(self.reply)
                work(box, self.files, os.fdopen(asks), os.fdopen(replies, "w"))
            finally:
                os._exit(99)
        os.close(asks)
        os.close(replies)

    def call(self, argv: Sequence[str], limit: float) -> dict:
        """Return how a call ended, and what it wrote."""
        os.write(self.ask, (json.dumps(argv) + "\n").encode())
        ready, _, _ = select.select([self.reply], [], [], limit)
        reply = os.read(self.reply, 100).split() if ready else []
        self.calls += 1
        self.spent = len(reply) < 2 or reply[1] != b"clean" or self.calls == CALLS
        code = int(reply[0]) if reply else self._code()
        out, err = (file.read_bytes().decode("utf-8", "surrogateescape") for file in self.files)
        return {"code": code, "out": out, "err": err, "late": not ready}

    def _code(self) -> int:
        """The exit code of a process that has ended, or that has to."""
        self._kill()
        _, status = os.waitpid(self.process, 0)
        self.process = 0
        return os.waitstatus_to_exitcode(status)

    def _kill(self) -> None:
        # With all that it started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)

    def end(self) -> None:
        """End the process; nothing is left of it."""
        os.close(self.ask)
        os.close(self.reply)
        if self.process:
            self._code()


def work(box: Path, files: list[Path], asks: Iterable[str], replies: TextIO) -> None:
    """Be the command line, again and again."""
    os.setpgid(0, 0)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    streams, usual = (sys.stdout, sys.stderr), settings()
    for line in asks:
        for number, file in enumerate(files, 1):
            opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(opened, number)
            os.close(opened)
        os.chdir(box)
        code = run(json.loads(line))
        clean = (sys.stdout, sys.stderr) == streams and not any(each.closed for each in streams)
        # Where it is deleted, there is no folder to ask for.
        with contextlib.suppress(FileNotFoundError):
            clean = clean and Path.cwd() == box and settings() == usual
        print(code, "clean" if clean else "spent", file=replies, flush=True)


def settings() -> tuple[object, ...]:
    """Return what a forward may change for all that comes after it."""
    return sys.getrecursionlimit(), torch.get_default_dtype(), torch.is_grad_enabled()


def run(argv: list[str]) -> int:
    """Run one call, and return the exit code that Python would end with."""
    sys.argv = ["archlab", *argv]
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as Python itself would end
        code = 1
        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
    # Python flushes these at its end, and complains where it cannot.
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    return code


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
