"""Runs calls of the command line for `test_attacks.py`, each in a fork: `python attacks.py BOX`.

A call may close standard output, delete the folder that it runs in, hang or take all memory. So
each has a process of its own; a fork of one that has imported torch begins in milliseconds, not
seconds. Calls are lines of JSON on standard input, and so are the answers on standard output.
"""

import contextlib
import gc
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import hostile_files

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
MEMORY = 3 * 2**30  # bytes a call may take on top of what this process has
HEAVY = (  # what several commands import, for seconds
    "archlab.api.cost", "archlab.api.field.pictures", "archlab.api.live.gradients",
    "archlab.api.live.pictures", "archlab.api.live.probes", "archlab.api.page.report",
    "archlab.api.render", "archlab.api.scale.scan", "archlab.api.training.curves",
    "archlab.api.training.degradation", "archlab.api.training.finetune",
    "archlab.api.training.single", "archlab.doctor", "archlab.picture.graph",
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
    renew(box, whole)
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
    before = state_of(box)
    for line in calls:
        answer = call(json.loads(line), box)
        after = state_of(box)
        answer["changed"] = sorted(
            path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        )
        if answer["changed"]:
            renew(box, whole)
            before = state_of(box)
        print(json.dumps(answer), file=answers, flush=True)


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

    def start(folder, gradients=0):
        errors, code = tempfile.TemporaryFile(), 0  # noqa: SIM115  the sweep closes it
        try:
            execute(folder)
        except ArchlabError as error:
            errors.write(f"{error}\n".encode())
            code = 2
        return SimpleNamespace(poll=lambda: code, wait=lambda *_: code), errors

    local.run_local = run_local
    sweeps = sys.modules["archlab.train.degradation"]
    sweeps.start, sweeps._POLL = start, 0.0
    sys.modules["archlab.doctor.packages"].imported = lambda names: Imported(
        dict.fromkeys(names, ""), cuda="", gpus=()
    )


def renew(box: Path, whole: Path) -> None:
    """Make the folder that calls run in, as it was at first."""
    shutil.rmtree(box, ignore_errors=True)
    # Not copytree: it cannot copy a named pipe.
    subprocess.run(["cp", "-a", str(whole), str(box)], check=True)


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
    """Run one line that must succeed."""
    answer = call({"argv": argv, "limit": 100}, Path.cwd())
    assert answer["code"] == 0, answer


def call(asked: dict, box: Path) -> dict:
    """Run one call in a fork, and return how it ended, what it wrote and how long it took."""
    files = [box.with_name(name) for name in ("out", "err")]
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        in_child(asked["argv"], box, files)
    deadline = start + asked["limit"]
    while not (ended := os.wait4(child, os.WNOHANG))[0]:
        if time.monotonic() > deadline:
            os.killpg(child, signal.SIGKILL)
            ended = os.wait4(child, 0)
            break
        time.sleep(0.001)
    # A grandchild must not outlive its call.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    out, err = (file.read_bytes().decode("utf-8", "surrogateescape") for file in files)
    return {
        "code": os.waitstatus_to_exitcode(ended[1]), "out": out, "err": err,
        "seconds": time.monotonic() - start, "cpu": ended[2].ru_utime + ended[2].ru_stime,
        "late": time.monotonic() > deadline,
    }  # fmt: skip


def in_child(argv: list[str], box: Path, files: list[Path]) -> None:
    """Be the command line, and end."""
    code = 99
    try:
        os.setpgid(0, 0)
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(box)
        sys.argv = ["archlab", *argv]
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        # Python would flush these at its end, and complain where it cannot.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
    except BaseException:  # noqa: BLE001  as Python itself would end
        code = 1
        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
