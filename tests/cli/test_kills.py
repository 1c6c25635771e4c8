"""Scans, sweeps and trainings that are killed at random moments, again and again, and begun anew.

After each kill nothing that was finished is lost, no file is half there, and no process stays; in
the end the result is that of work that nobody disturbed. `nox -s chaos` kills ten times as often.
ARCHLAB_KILLS says how often, and ARCHLAB_KILLS_SEED draws the moments of an earlier run.
"""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
KILLS = int(os.environ.get("ARCHLAB_KILLS", "20"))
SEED = int(os.environ.get("ARCHLAB_KILLS_SEED") or 1)
GONE = 10.0  # seconds after which no process is left
PATIENCE = 120.0  # for work that ends by itself or saves, on a machine that is shared
MARK = "ARCHLAB_KILLS_MARK"
SIGNALS = {signal.SIGKILL: 12, signal.SIGTERM: 5, signal.SIGINT: 3}
CODES = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
HOW = ("goes on", "begins anew")
WORDS = {signal.SIGTERM: "terminated", signal.SIGINT: "interrupted"}

END = "to its end"

NETS = ("resnet8", "plain20", "resnet56", "plain56", "resnet110", "plain110", "resnet20")
SMALL = ("--recipe", "demo", "--data", "../few.npz", "--set", "batch_size=16",
         "--set", "widths=(4,4,4)")  # fmt: skip


class Command:
    """A command line that works in a folder, and what it has done there."""

    line: tuple[str, ...]
    kills = KILLS
    opening, start = 0.3, 2.0  # seconds until work begins, and until some of it is done
    moments = (10, 5, 5)  # how often it is killed in either, and soon after something was done

    def done(self, folder):
        """Return by name what must never be lost; a number must not fall, all else must stay."""
        raise NotImplementedError

    def size(self, folder):
        """Return what is different once something more is done, cheap to read."""
        raise NotImplementedError

    def result(self, folder):
        """Return all that must be as if nobody had disturbed it."""
        raise NotImplementedError

    def undisturbed(self, folder):
        """Make the folder that results are compared with, in this process."""
        raise NotImplementedError


class Scan(Command):
    kills = KILLS // 2  # of each format
    start = 2.5

    def __init__(self, out):
        self.out = out
        self.line = ("scan", *NETS, "--jobs", "2", "--out", out)

    def done(self, folder):
        from archlab.survey.store import Journal, read

        rows = [*read(folder / self.out), *Journal(folder / self.out).rows()]
        return {row.model: asdict(row) for row in rows}

    def size(self, folder):
        journal = folder / f"{self.out}.partial" / "rows.jsonl"
        return journal.stat().st_size if journal.exists() else 0

    def result(self, folder):
        assert [path.name for path in folder.iterdir()] == [self.out]
        return {name: row | {"seconds": 0.0} for name, row in self.done(folder).items()}

    def undisturbed(self, folder):
        from archlab.api.scale.scan import scan

        scan(*NETS, out=folder / self.out)


class Train(Command):
    start = 1.2
    moments = (6, 14, 0)
    line = ("train", "resnet8", *SMALL, "--out", "run", "--set", "steps=100",
            "--set", "eval_every=10", "--set", "checkpoint_every=4")  # fmt: skip

    def runs(self, folder):
        return sorted(path.parent for path in folder.rglob("run.json"))

    def done(self, folder):
        import torch

        found = {}
        for run in self.runs(folder):
            ended, saved = run / "done.json", run / "last.ckpt"
            if ended.exists():
                found[f"{run.name} done"] = ended.read_text()
            if saved.exists():
                content = torch.load(saved, weights_only=True)
                found[f"{run.name} step"] = content["global_step"]
        return found

    def size(self, folder):
        return [path.stat().st_mtime_ns for path in folder.rglob("last.ckpt")]

    def result(self, folder):
        import torch

        from archlab.runs import record

        found = {}
        for run in self.runs(folder):
            outcome = record.read_outcome(run)
            weights = torch.load(run / "last.ckpt", weights_only=True)["state_dict"]
            rows = [{**asdict(row), "seconds": 0} for row in record.read_metrics(run)]
            found[run.name] = (
                {**asdict(outcome), "seconds": 0}, rows,
                {name: tensor.tolist() for name, tensor in weights.items()},
            )  # fmt: skip
        return found

    def undisturbed(self, folder):
        self.call(folder, *self.line)

    def call(self, folder, *argv):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["archlab", *argv])
            patch.chdir(folder)
            from archlab.cli import main

            with pytest.raises(SystemExit) as end:
                main()
            assert end.value.code == 0


class Sweep(Train):
    opening, start = 0.8, 3.5
    moments = (13, 4, 3)
    line = ("degradation", "--depths", "8,14", "--kinds", "residual", "--seeds", "2", *SMALL,
            "--out", "sweep", "--jobs", "2", "--set", "steps=60", "--set", "eval_every=20",
            "--set", "checkpoint_every=5")  # fmt: skip

    def result(self, folder):
        names = {path.name for path in (folder / "sweep").iterdir() if path.is_file()}
        assert names == {".lock", "figure.svg", "ledger.csv", "sweep.json", "verdict.json"}
        verdict = json.loads((folder / "sweep/verdict.json").read_text())
        for row in verdict["rows"]:
            row["seconds"] = 0
        return super().result(folder) | {"verdict": verdict}


class Server:
    """Starts a command in a fork, see `kills.py`."""

    def __init__(self, room):
        self.room, self.mark = room, f"{os.getpid()}-{time.monotonic_ns()}"
        self.temporary = room / "tmp"
        self.temporary.mkdir()
        self.messages = room / "messages"
        with (room / "server").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "kills.py")], text=True, stderr=errors,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": "1", MARK: self.mark},
            )  # fmt: skip
        assert self._answer() == "ready"

    def start(self, line, folder, *, behind=False):
        """Return the process of a command, which leads a session of its own.

        What a shell begins `behind` another command, with &, ignores Ctrl-C.
        """
        self.messages.unlink(missing_ok=True)
        return self._ask(argv=line, folder=str(folder), messages=str(self.messages),
                         temporary=str(self.temporary), behind=behind)  # fmt: skip

    def code(self, process, limit=0.0):
        """Return how a process ended; None where it has not after so many seconds."""
        return self._ask(process=process, limit=limit)

    def left(self):
        """Return which processes of a command live, after the time that they have to end."""
        over = time.monotonic() + GONE
        while found := list(self._marked()):
            if time.monotonic() > over:
                return found
            time.sleep(0.05)
        return []

    def _marked(self):
        for process in psutil.process_iter():
            try:
                own = process.pid == self.process.pid or process.status() == psutil.STATUS_ZOMBIE
                if not own and process.environ().get(MARK) == self.mark:
                    yield f"{process.pid} {' '.join(process.cmdline())[:200]}"
            except psutil.Error:
                pass

    def _ask(self, **asked):
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, (self.room / "server").read_text()
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("kills"))
    yield server
    server.close()


class Chaos:
    """Kills a command until it has been killed often enough, and collects what is wrong."""

    def __init__(self, command, server, room, reference):
        self.command, self.server, self.room, self.reference = command, server, room, reference
        self.draw = random.Random(f"{SEED} {command.line[-1]}")
        self.wrong, self.kills, self.begun = [], 0, 0
        self._anew()

    def _anew(self):
        self.begun += 1
        self.folder = self.room / f"work{self.begun}"
        self.folder.mkdir()
        self.before, self.files, self.whole = {}, set(), False

    def run(self):
        while self.kills < self.command.kills:
            self.round(to_the_end=False)
        self.round(to_the_end=True)
        return self.wrong

    def round(self, *, to_the_end):
        """Start the command once, kill it, where it does not end before, and look at all."""
        number = self.draw.choices([*SIGNALS], [*SIGNALS.values()])[0]
        behind = number != signal.SIGINT and self.draw.random() < 0.3
        process = self.server.start(self.command.line, self.folder, behind=behind)
        code, what = (None, END) if to_the_end else self.killed(process, number)
        if code is None:
            code = self.server.code(process, PATIENCE)
        what += ", in the background" * behind
        said = self.server.messages.read_text() if self.server.messages.exists() else ""
        found = list(self.faults(code, what, said))
        if found:
            self.wrong.append(f"{what}, exit {code}: {'; '.join(found)}\n{said[-3000:]}")
        sys.stdout.write(f"{what}: exit {code}, {len(self.before)} done, {said[-80:]!r}\n")
        if self.whole or code is None:
            self._anew()

    def killed(self, process, number):
        """Return the exit code of one that ended before its time, and else how it was killed."""
        to_all = self.draw.random() < 0.5  # as a terminal and a container do
        moment = self.draw.choices(("opening", "start", "work"), self.command.moments)[0]
        share = self.draw.random()
        seconds = share * (self.command.opening if moment != "start" else self.command.start)
        if moment == "work":
            size, over = self.command.size(self.folder), time.monotonic() + PATIENCE
            while self.command.size(self.folder) == size and time.monotonic() < over:
                if (code := self.server.code(process, 0.02)) is not None:
                    return code, END
        if (code := self.server.code(process, seconds)) is not None:
            return code, END
        (os.killpg if to_all else os.kill)(process, number)
        self.kills += 1
        return None, (
            f"kill {self.kills}: {number.name}{' to all' if to_all else ''}, {moment} + "
            f"{seconds:.3f} s"
        )

    def faults(self, code, what, said):
        """Yield what does not hold after a process has ended."""
        if "Traceback" in said or "Exception ignored" in said:
            yield "a traceback"
        if left := self.server.left():
            yield f"processes live on: {left}"
        before = self.before
        try:
            self.before = self.command.done(self.folder)
        except Exception as error:  # noqa: BLE001  a fault as any other
            yield f"cannot be read: {error!r}"
        yield from lost(before, self.before)
        yield from halves(self.folder)
        # Once the answer is shown, a signal has nothing to end but Python, and that without a word.
        self.whole = code in (0, -signal.SIGTERM, -signal.SIGINT) and self.is_whole()
        if not self.whole:
            yield from ending(code, what, said, idle=self.before == before)
        yield from self.left(what)

    def left(self, what):
        """Yield which files are there that no reader wants."""
        files = {str(path) for path in self.folder.rglob(".*.partial")}
        # What a killed process leaves may stay until the command has ended once.
        known = self.files if not self.whole else set()
        if "SIGKILL" not in what and (new := files - known):
            yield f"left behind: {new}"
        self.files = files
        if temporary := os.listdir(self.server.temporary):
            yield f"left in TMPDIR: {temporary}"

    def is_whole(self):
        """Whether there is the result of work that nobody disturbed."""
        try:
            return self.command.result(self.folder) == self.reference
        except Exception:  # noqa: BLE001  a file that is not there yet, or any other
            return False


def ending(code, what, said, *, idle):
    """Yield what is wrong with an exit code and the message of work that is not over."""
    number = next((each for each in SIGNALS if each.name in what), None)
    if code == 0 or number is None:
        yield "another result than without kills"
    elif code != CODES[number]:
        yield "the wrong exit code"
    elif number in WORDS and not any(f"the same command {word}" in said for word in HOW):
        word = f"archlab: {WORDS[number]}"
        # Before there is work to go on with, it is a word alone.
        if not (idle and said.strip().endswith(word)):
            yield "no word on how to go on"


def lost(before, now):
    """Yield what was done before a kill, and is not now."""
    for name, value in before.items():
        if name not in now:
            yield f"{name} is lost"
        elif now[name] != value and not (isinstance(value, int) and now[name] > value):
            yield f"{name} was {value!r}, and is {now[name]!r}"


def halves(folder):
    """Yield which files are not whole; checkpoints were loaded already."""
    for path in folder.rglob("*.json"):
        try:
            json.loads(path.read_text())
        except ValueError as error:
            yield f"{path} is no JSON: {error}"
    for path in folder.rglob("*.csv"):
        text = path.read_text()
        lengths = {len(line) for line in csv.reader(text.splitlines())}
        if not text.endswith("\n") or len(lengths) != 1:
            yield f"{path} has no whole lines"


@pytest.mark.parametrize(
    "command", [Scan("zoo.csv"), Scan("zoo.parquet"), Train(), Sweep()],
    ids=["scan-csv", "scan-parquet", "train", "sweep"],
)  # fmt: skip
@pytest.mark.usefixtures("one_process")
def test_kills_change_no_result(command, server, tmp_path) -> None:
    import numpy as np

    from archlab.data.sets import load_images

    images = load_images("embedded")
    np.savez(tmp_path / "few.npz", train_images=images.train_images[::25],
             train_labels=images.train_labels[::25], test_images=images.test_images[::50],
             test_labels=images.test_labels[::50], classes=np.array(images.classes))  # fmt: skip
    straight = tmp_path / "straight"
    straight.mkdir()
    command.undisturbed(straight)
    sys.stdout.write(f"ARCHLAB_KILLS_SEED={SEED}\n")
    wrong = Chaos(command, server, tmp_path, command.result(straight)).run()
    assert not wrong, "\n".join([f"ARCHLAB_KILLS_SEED={SEED}: {len(wrong)} faults", *wrong])
