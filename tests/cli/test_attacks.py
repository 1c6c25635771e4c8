"""Wrong calls of every command, made from its own options: each ends well, or with one message.

The table is made from what `archlab.cli.app` knows of each parameter, so that an option is attacked
from the day on that it is born; a command that is new needs a line in `LINES` alone. `attacks.py`
runs the calls, in a folder of files that `hostile_files.py` makes.
"""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import types
import typing
import zlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from archlab.cli.app import COMMANDS, built, function_of
from archlab.cli.command import command

HERE = Path(__file__).parent
SECONDS = 10  # for one call, on a machine that is shared
ENDINGS = {0, 1, 2, 74, 130, 141, 143}
DELETES = "hostile.py:Deletes"  # removes the folder that it runs in
MARK = "pwned"  # the file that a payload writes where it is run
# What a terminal would obey, and marks that turn the direction of text.
ORDERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# A right call of each command: its arguments, then its options. One of them at a time is replaced.
NET = "nets.py:Net"
SHAPE = {"--input": ["3x8x8"]}
PROBE = {"--seeds": ["1"], "--batch": ["4"]}
TRAINING = {
    "--recipe": ["demo"], "--data": ["few.npz"], "--out": ["new"],
    "--set": ["steps=1", "batch_size=4", "widths=(4,4,4)"],
}  # fmt: skip
LINES = {
    "compare": ([NET, "nets.py:factory"], SHAPE),
    "render": ([NET], SHAPE),
    "report": ([NET], {**SHAPE, "--out": ["-"]}),
    "shapes": ([NET], SHAPE),
    "summary": ([NET], SHAPE),
    "bottleneck": ([NET], SHAPE),
    "check": ([NET], {**SHAPE, "--max-params": ["1M"]}),
    "flops": ([NET], SHAPE),
    "gradients": (["resnet8"], PROBE),
    "identity": (["resnet8"], PROBE),
    "memory": ([NET], SHAPE),
    "params": ([NET], SHAPE),
    "responses": (["resnet8"], PROBE),
    "rf": ([NET], SHAPE),
    "shattered": ([], {"--depths": ["2,4"], "--seeds": ["2"], "--width": ["4"]}),
    "curves": (["run"], {"--out": ["curves.svg"]}),
    "export": (["run"], {"--to": ["safetensors"]}),
    "degradation": ([], {**TRAINING, "--depths": ["8,14"], "--seeds": ["1"]}),
    "finetune": (["run"], {**TRAINING, "--alone": [None]}),
    "test": (["run"], {}),
    "train": (["resnet8"], TRAINING),
    "verdict": (["sweeps/good"], {}),
    "scan": ([NET], SHAPE),
    "doctor": ([], {}),
    "models": ([], {}),
}  # fmt: skip
# The commands that take a net of the user's: each runs a share of the hostile ones.
WITH_NETS = [
    "compare", "render", "report", "shapes", "summary", "bottleneck", "check", "flops",
    "gradients", "identity", "memory", "params", "responses", "rf", "train", "scan",
]  # fmt: skip

ESCAPE = "\x1b[2J\x1b[31m"
WORDS = [
    "", " ", "-", "--", "=", "=x", "x=", f"x={ESCAPE}", f"{ESCAPE}=1", "\x9b31m", "\a\b\r",
    "\u202egnp.exe", "\udcff", "a\nb", "²x3", "٣x٣x٣", "²", "٣", "x" * 300, "y" * 5000, "../..",
    "~", "nan", "inf", "1e999", "-1", "0", "1.5", "1_0", " 1 ", "9" * 30, "9" * 5000, "%s{0}",
    "x=(1,2", "x=" + "(" * 300, "x=" + "-" * 5000 + "1", "x=9" + "0" * 5000,
    "1000000000000x1000000000000", "0x0", "4294967296x3", "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0", f"$(touch {MARK})",
    "[", "a.b..c", ":", "a:b:c", ",", "1,,2", "None",
]  # fmt: skip
NUMBERS = [
    "", "-1", "0", "2147483648", str(2**63), str(-(2**63)), "1e3", "nan", "inf", "-inf", "1e999",
    "1e308", "-0.0", "1e-320", "٣", "²", "1_000", "0x10", "\udcff", "9" * 5000, "x" * 300,
]  # fmt: skip
PLACES = [
    ".", "/", "missing", "missing/x", "/dev/null", "/dev/full", "/dev/zero", "/dev/stdin", "pipe",
    "loop.csv", "/proc/self/mem", "/proc/x", "/etc/passwd", "empty", "empty/x", "noise", "\udcff",
]  # fmt: skip
STEMS = [
    "pipe", "folder", "loop", "missing/x", "empty/x", "/proc/x", "x" * 300, "\udcff", "a\nb", "\a",
]  # fmt: skip
SUFFIXES = [".svg", ".json", ".html", ".csv", ".parquet"]
SPECS = [
    "os:system", "subprocess:Popen", "builtins:exec", "builtins:exit", "builtins:input", "sys:exit",
    "json:loads", "os:abort", "os:fork", "builtins:breakpoint", "builtins:object", "builtins:type",
    "builtins:NotImplemented", "torch.nn:Module", "torch.nn:Linear", "torch:load", "nets.py:",
    ":Net", "nets.py:__dict__", "nets.py:__builtins__", "nets.py:__loader__", "nets.py:torch",
    "nets.py:Net.forward", f"nets.py:{ESCAPE}", "nets.py:\udcff", "nets.py: ", "zoo:", "zoo:..",
    "nets.py:" + "x" * 5000, f"timm:{ESCAPE}", "torchvision:" + "x" * 5000, "timm:hf-hub:a/b",
    f"{ESCAPE}:x", "a..b:c", "archlab.cli:main", "archlab.cli:app", "resnet" + "9" * 5000,
    "resnet99999999999998", "resnet²0", "plain٢٠", "hostile.py:text", "hostile.py:instance",
    "hostile.py:Own", "/dev/null:x", "/dev/zero.py:x", "pipe.py:Net", "folder.svg:Net",
]  # fmt: skip
SCRIPTS = [
    "exits", "stops", "base", "wants", "escapes", "prints", "unprintable", "nul", "latin", "deep",
    "syntax", "empty", "closes", "attributes", "noise",
]  # fmt: skip
# What the help of a parameter says that it reads -> the files that are made for it.
READS = {
    r"\.yaml": r"[^/]+\.yaml",
    r"\.ckpt|state dict": r"[^/]+\.ckpt",
    r"\.npz|folder of images|^images for": r"[^/]+\.npz|[^/]+-images",
    r"table\.csv|published table|\.parquet": r"[^/]+\.(csv|parquet)",
    r"folder of a sweep|^a sweep|one folder": r"sweeps/[^/]+|runs/[^/]+|metrics|inf|wide|events",
}
# Larger numbers are allowed and mean what they say: more work.
WORK = {"seeds", "width"}


@dataclass(frozen=True)
class Parameter:
    """What a command takes: one option, or its argument."""

    command: str
    name: str
    spelling: str  # empty for an argument
    kind: type
    help: str

    @property
    def values(self):
        """What it is attacked with: the worst first, then others, which change with its name."""
        if self.kind in (int, float):
            refused = [text for text in NUMBERS if not text.isdecimal() or self.name not in WORK]
            return picked(f"{self.command} {self.name}", refused, 3)
        words, key = [ESCAPE], f"{self.command} {self.name}"
        if self.name in ("out", "plot"):
            out = [stem + suffix for stem in STEMS for suffix in SUFFIXES]
            return [*words, *picked(key, out, 2), *picked(key, PLACES, 1)]
        words += picked(key, WORDS, 2)
        return words + (picked(key, PLACES, 1) if self.kind is Path else [])

    def line(self, *values):
        """The right call of its command, with other values of it."""
        arguments, options = LINES[self.command]
        if self.spelling:
            options = {**options, self.spelling: values}
        else:
            arguments = values
        return [self.command, *arguments, *typed(options)]


def typed(options):
    """Return options as a command line has them; those without a value are flags."""
    pairs = [(name, value) for name, values in options.items() for value in values]
    return [text for pair in pairs for text in pair if text is not None]


def picked(key, values, count):
    """Return some of the values: others for another key, and always the same for one."""
    start = zlib.crc32(key.encode())
    return [values[(start + 7 * i) % len(values)] for i in range(count)]


def parameters(name):
    """Return the parameters of a command, with the types that its function declares."""
    declared = inspect.signature(command(function_of(name))).parameters
    for parameter in built(name).params:
        # Annotated[list[str] | None, …] is a str here: each of several values is one attack.
        kind = declared[parameter.name].annotation.__origin__
        while inner := [each for each in typing.get_args(kind) if each is not types.NoneType]:
            (kind,) = inner
        spelling = parameter.opts[0] if parameter.param_type_name == "option" else ""
        about = f"{parameter.metavar or ''} {getattr(parameter, 'help', '') or ''}".strip()
        yield Parameter(name, parameter.name, spelling, kind, about)


def option_calls(name):
    """Return a command with each of its parameters wrong in turn, and twice."""
    for parameter in parameters(name):
        if parameter.kind is bool:
            yield [*parameter.line(), f"{parameter.spelling}={ESCAPE}"]
            continue
        for value in parameter.values:
            yield parameter.line(value)
        yield parameter.line(parameter.values[-1], *parameter.values[-2:])


def file_calls(name, files):
    """Return a command with the files that are made for what it reads; commands share them."""
    for parameter in parameters(name):
        for about, wanted in READS.items():
            if parameter.kind is bool or not re.search(about, parameter.help, re.IGNORECASE):
                continue
            readers = [
                each
                for other in COMMANDS
                for each in parameters(other)
                if each.help == parameter.help and each.spelling == parameter.spelling
            ]
            found = [file for file in files if re.fullmatch(wanted, file)]
            share = found[readers.index(parameter) :: len(readers)]
            yield from (parameter.line(file) for file in share)


def net_calls(name, nets):
    """Return a command with a share of the nets, files and specs that are hostile."""
    # A net that leaves a mark may be built where somebody names it, and from no file.
    own = [net for net in nets if net != "Marks"]
    specs = [f"hostile.py:{net}" for net in own for _ in range(2)]
    specs += [*SPECS, *(f"{script}.py:Net" for script in SCRIPTS)]
    # Options that say how a net is run, and none that says on what: the net has a shape itself.
    options = {key: value for key, value in LINES[name][1].items() if key != "--input"}
    for spec in specs[WITH_NETS.index(name) :: len(WITH_NETS)]:
        yield [name, spec, *([NET] if name == "compare" else []), *typed(options)]


class Server:
    """Runs calls, each in a fork of its own: see `attacks.py`."""

    def __init__(self, folder):
        self.errors = folder / "errors"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", str(HERE / "attacks.py"), str(folder / "box")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        made = self._answer()
        self.files, self.nets = made["files"], made["nets"]

    def call(self, argv, *, alone=False):
        asked = {"argv": argv, "limit": SECONDS, "alone": alone}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, self.errors.read_text()
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(SECONDS)
        self.process.stdout.close()


def check(server, calls, *, alone=False):
    """Fail with every call that does not end well; `alone` gives each a process of its own."""
    found = []
    for argv in calls:
        answer = server.call(argv, alone=alone)
        if wrong := faults(argv, answer):
            # As Python has it: a value may hold what no terminal should get.
            found.append(f"{wrong}\n  {argv}\n  {answer['err'][-300:]!r}")
    assert not found, "\n".join([f"{len(found)} calls:", *found])


def faults(argv, answer):
    """Return in words what is wrong with how a call ended."""
    code, out, err, changed = (answer[key] for key in ("code", "out", "err", "changed"))
    refused = code == 2 and not answer["late"]
    wrong = {
        f"no end in {SECONDS} s": answer["late"],
        f"exit {code}": code not in ENDINGS and not answer["late"],
        "traceback": "Traceback" in err or "Exception ignored" in err,
        "control characters": ORDERS.search(out) or ORDERS.search(err),
        "a payload has run": MARK in changed,
        "exit 0 without an answer": code == 0 and not (out or err or changed),
        "no message": refused and not err.strip(),
        # `render` draws what ran before a forward failed.
        f"refused after {out[:60]!r}": refused and out and argv[0] != "render",
        f"refused, and changed {changed[:4]}": refused and changed and DELETES not in argv,
    }
    return ", ".join(text for text, holds in wrong.items() if holds)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("attacks"))
    yield server
    server.close()


def test_every_command_is_attacked(server) -> None:
    assert set(LINES) == set(COMMANDS)
    calls = [call for name in COMMANDS for call in calls_of(name, server)]
    assert len(calls) >= 500
    # Each file that is made for a reader is read, and each net is run.
    words = {word for call in calls for word in call}
    assert {f"hostile.py:{net}" for net in server.nets if net != "Marks"} <= words
    assert {file for file in server.files if re.fullmatch("|".join(READS.values()), file)} <= words


def calls_of(name, server):
    yield from option_calls(name)
    yield from file_calls(name, server.files)
    if name in WITH_NETS:
        yield from net_calls(name, server.nets)


@pytest.mark.parametrize("name", COMMANDS)
def test_what_the_attacks_begin_with_is_in_order(server, name) -> None:
    """A line that is refused as it is would hide what is wrong with each of its parts."""
    arguments, options = LINES[name]
    answer = server.call([name, *arguments, *typed(options)])
    assert answer["code"] in (0, 1), answer


@pytest.mark.parametrize("name", COMMANDS)
def test_options(server, name) -> None:
    check(server, option_calls(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_files(server, name) -> None:
    check(server, file_calls(name, server.files))


@pytest.mark.parametrize("name", WITH_NETS)
def test_nets(server, name) -> None:
    check(server, net_calls(name, server.nets))


def test_payloads(server) -> None:
    """What is no model and no logger is not called, whatever arguments are given for it."""
    touch = f"command=touch {MARK}"
    (logger,) = (each for each in parameters("train") if each.name == "logger")
    calls = [
        ["params", "os:system", "--set", touch],
        ["params", "subprocess:Popen", "--set", f"args=['touch', '{MARK}']"],
        ["scan", NET, "--where", f"__import__('os').system('touch {MARK}')"],
        ["scan", NET, "--where", "9**9**9**9"],
        ["scan", NET, "--where", "(" * 3000],
        [*logger.line("os.system"), "--logger-set", touch],
        logger.line("builtins.exit"),
    ]
    check(server, calls, alone=True)


@pytest.mark.parametrize("line", ["--help", "bottleneck --in 9 --out 9 --reduce 3"])
@pytest.mark.parametrize("outputs", [">&-", ">/dev/full", "2>&-", "2>/dev/full", ">&- 2>&-"])
def test_outputs_that_take_nothing(line, outputs) -> None:
    """The shell closes an output, or a disk is full: no answer is lost without a sign."""
    done = subprocess.run(
        ["sh", "-c", f"{shlex.quote(sys.executable)} -m archlab {line} {outputs}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == (0 if outputs.startswith("2") else 74)
