"""Makes files and folders that nobody should have to read: `make(folder)`.

Each is made by code, so that none is in the repository that a scanner would stop at.
"""

import json
import os
import pickle
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

MARK = "pwned"  # the file that a payload writes where it is run
ESCAPE = "\x1b[2J"
DEEP = 100_000
USUAL = Path(__file__).parent.parent / "resolve" / "nets.py"


class Payload:
    """A pickle of it runs a command where it is read."""

    def __reduce__(self):
        return os.system, (f"touch {MARK}",)


def make(folder: Path) -> None:
    """Fill a folder that holds the good runs `run` and `sweep`."""
    (folder / "nets.py").write_text(USUAL.read_text())
    (folder / "hostile.py").write_text(NETS)
    for name, text in SCRIPTS.items():
        (folder / name).write_bytes(text)
    _special(folder)
    _tables(folder)
    _yaml(folder)
    _arrays(folder)
    _pictures(folder)
    _checkpoints(folder)
    _runs(folder)


def make_runs(archlab: Callable[..., None]) -> None:
    """Train the good runs, in the working folder."""
    images = np.random.default_rng(0).integers(0, 256, (8, 1, 8, 8), np.uint8)
    labels = np.arange(8) % 2
    np.savez("few.npz", train_images=images, train_labels=labels, test_images=images,
             test_labels=labels, classes=np.array(["a", "b"]))  # fmt: skip
    small = ["--recipe", "demo", "--data", "few.npz", "-s", "steps=1", "-s", "batch_size=4",
             "-s", "widths=(4,4,4)"]  # fmt: skip
    archlab("train", "resnet8", "--out", "run", *small)


def _special(folder: Path) -> None:
    (folder / "empty").touch()
    noise = np.random.default_rng(1).bytes(1000)
    for suffix in ("", ".ckpt", ".npz", ".png", ".yaml", ".json", ".csv", ".parquet", ".py"):
        (folder / f"noise{suffix}").write_bytes(noise)
    for suffix in ("", ".svg", ".json", ".html", ".csv", ".ckpt", ".npz", ".yaml", ".py"):
        os.mkfifo(folder / f"pipe{suffix}")
    for suffix in (".svg", ".json", ".html", ".csv", ".parquet"):
        (folder / f"folder{suffix}").mkdir()
        (folder / f"loop{suffix}").symlink_to(f"loop{suffix}")


def _tables(folder: Path) -> None:
    head = "name,source,params,macs\n"
    tables = {
        "odd.csv": head + f"{ESCAPE},timm,nan,1e999\n=cmd|' /C calc'!A0,zoo,,-1\n",
        "long.csv": head + "x" * 200_000 + ",zoo,1,1\n",
        "short.csv": head + "resnet18\nresnet18,,,,,,,,\n",
        "twice.csv": "name,name,name\na,b,c\n",
        "nul.csv": head + "a\0b,zoo,1,1\n",
        "metrics/metrics.csv": f"step,{ESCAPE}loss\n1,2\n\x00,{ESCAPE}\n",
        "inf/metrics.csv": "step,loss\n1e999,1\n1,nan\n1,1e308\n2,-1e308\n",
        "wide/metrics.csv": "step,loss\n1,2,3,4\n",
        "events/events.out.tfevents.1": "noise",
    }
    for name, text in tables.items():
        _write(folder / name, text)


def _yaml(folder: Path) -> None:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    texts = {
        "deep": "[" * DEEP, "bomb": "\n".join(bomb), "list": "- 1\n- 2", "number": "3",
        "object": f"!!python/object/apply:os.system ['touch {MARK}']",
        "unhashable": "? [a, b]\n: 1",
        "self": "&a {steps: *a}", "digits": f"steps: {'9' * 5000}", "huge": f"steps: {10**30}",
        "escape": '"\\e[2J": 1', "value": 'schedule: "\\e[2J\\e[31m"', "nan": "epochs: .nan",
        "date": "steps: 2001-01-01", "binary": "steps: !!binary aGVsbG8=", "null": "recipe: null",
        "binaryrecipe": "recipe: {a: [b]}", "surrogate": 'recipe: "\\ud800"',
        "badtime": "steps: 2001-99-99", "badfloat": "steps: !!float x", "badint": "steps: !!int x",
        "set": "!!set {a, b}", "pairs": "!!omap [a: 1]", "merge": "<<: 3",
    }  # fmt: skip
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)


def _arrays(folder: Path) -> None:
    images = np.zeros((2, 1, 8, 8), np.uint8)
    labels = np.array([0, 1])
    parts = ("train_images", "train_labels", "test_images", "test_labels")

    def save(name: str, *values: object, **more: object) -> None:
        np.savez(folder / name, **dict(zip(parts, values, strict=True)), **more)

    save("labels.npz", images, labels * 999_999_999, images, labels)
    save("far.npz", images, labels * 2**62, images, labels)
    save("negative.npz", images, -labels, images, labels)
    save("nan.npz", images, labels * np.nan, images, labels)
    save("text.npz", images, np.array(["a", "b"]), images, labels)
    save("scalar.npz", 3, 3, 3, 3)
    save("none.npz", images[:0], labels[:0], images[:0], labels[:0])
    save("complex.npz", images * 1j, labels * 1j, images, labels)
    save("dates.npz", images, np.array(["2001-01-01"] * 2, "datetime64[D]"), images, labels)
    save("sizes.npz", np.zeros((2, 1, 0, 0), np.uint8), labels, images, labels)
    save("objects.npz", np.array([Payload(), None], object), labels, images, labels)
    save("names.npz", images, labels, images, labels, classes=np.array([ESCAPE, "b"]))
    save("oneclass.npz", images, labels, images, labels, classes=np.array("a"))
    save("numbers.npz", images, labels, images, labels, classes=np.array([[1, 2], [3, 4]]))
    np.save(folder / "array.npy", images)
    (folder / "array.npy").rename(folder / "array.npz")
    (folder / "pickle.npz").write_bytes(pickle.dumps(Payload()))
    with zipfile.ZipFile(folder / "members.npz", "w") as archive:
        archive.writestr("../../train_images.npy", b"noise")
        archive.writestr("train_images.npy", b"noise")
    # A header that claims more memory than there is.
    claim = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 1, 8, 8), }"
    header = b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + claim.ljust(117) + b"\n"
    with zipfile.ZipFile(folder / "claims.npz", "w") as archive:
        for part in parts:
            archive.writestr(f"{part}.npy", header)
    whole = (folder / "few.npz").read_bytes()
    (folder / "cut.npz").write_bytes(whole[: len(whole) // 2])


def _png(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)  # grey, a bit a pixel
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _pictures(folder: Path) -> None:
    lines = zlib.compress(bytes(3751 * 30_000), 9)
    pictures = {
        "bomb": _png(30_000, 30_000, lines),
        "cut": _png(8, 8, b"")[:40],
        "nothing": b"",
        "zero": _png(0, 0, b""),
        "vast": _png(2**31 - 1, 2**31 - 1, b""),
        "gif": b"GIF89a\xff\xff\xff\xff\x00\x00\x00",
        "text": (b"P6\n" + b"9" * 5000 + b" 1\n255\n"),
    }
    for name, content in pictures.items():
        for part in ("train", "test"):
            place = folder / f"{name}-images" / part / "a"
            place.mkdir(parents=True)
            (place / ("x.ppm" if name == "text" else "x.png")).write_bytes(content)
    odd = folder / "odd-images"
    for part in ("train", "test"):
        (odd / part / ESCAPE).mkdir(parents=True)
        (odd / part / "b").mkdir()
        (odd / part / ESCAPE / "folder.png").mkdir()
        os.mkfifo(odd / part / "b" / "pipe.png")
        (odd / part / "b" / "loop.png").symlink_to("loop.png")


def _checkpoints(folder: Path) -> None:
    good = torch.load(folder / "run/last.ckpt", weights_only=True)
    origins = {
        "code": {"spec": "os:system", "options": {"command": f"touch {MARK}"}},
        "file": {"spec": "hostile.py:Marks", "options": {}},
        "number": {"spec": 3, "options": []},
        "escape": {"spec": f"{ESCAPE}:x{ESCAPE}", "options": {}},
        "bare": {"spec": ESCAPE, "options": {ESCAPE: ESCAPE}},
        "long": {"spec": "x" * 5000, "options": {}},
        "colon": {"spec": ":", "options": {}},
        "option": {"spec": "resnet8", "options": {"widths": "\x1b[2J"}},
        "huge": {"spec": "resnet8", "options": {"num_classes": 10**30}},
        "vast": {"spec": "resnet8", "options": {"num_classes": 2**40}},
        "depth": {"spec": "resnet" + "9" * 5000, "options": {}},
        "weights": {"spec": "torchvision:resnet18", "options": {"weights": "DEFAULT"}},
        "layout": {"spec": "resnet18", "options": {"layout": ["x"]}},
        "nul": {"spec": "a\0b", "options": {}},
        "keys": {"spec": "resnet8", "options": {"spec": 1, "seed": 2, "self": 3, "": 4}},
        "shape": {"spec": "resnet8", "options": {}, "shape": [3, "x"], "center": ESCAPE, "data": 3},
        "mapping": 3,
    }
    contents = {name: {**good, "archlab": origin} for name, origin in origins.items()}
    for key in good["archlab"]:
        contents[f"entry-{key}"] = {**good, "archlab": {**good["archlab"], key: [ESCAPE]}}
        contents[f"without-{key}"] = {
            **good, "archlab": {name: each for name, each in good["archlab"].items() if name != key}
        }  # fmt: skip
    weights = good["state_dict"]
    contents |= {
        "states": {**good, "state_dict": [1, 2]},
        "statekeys": {**good, "state_dict": {1: 2, None: 3}},
        "statevalues": {**good, "state_dict": dict.fromkeys(weights, "x")},
        "sparse": {**good, "state_dict": {k: v.to_sparse() for k, v in weights.items() if v.ndim}},
        "floats": {**good, "state_dict": {k: v.to(torch.complex64) for k, v in weights.items()}},
        "nans": {**good, "state_dict": {k: v * float("nan") for k, v in weights.items()}},
        "only": torch.zeros(3),
        "names": {f"{ESCAPE}{'x' * 300}": torch.zeros(2)},
        "plain": [ESCAPE] * 3,
    }
    for name, content in contents.items():
        torch.save(content, folder / f"{name}.ckpt")
    torch.save({"state_dict": {}, "x": Payload()}, folder / "pickle.ckpt")
    (folder / "raw.ckpt").write_bytes(pickle.dumps(Payload()))
    whole = (folder / "run/last.ckpt").read_bytes()
    (folder / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    deep: list = []
    for _ in range(2000):
        deep = [deep]
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    torch.save(
        {**good, "archlab": {"spec": "resnet8", "options": {"a": deep}}}, folder / "deep.ckpt"
    )
    sys.setrecursionlimit(usual)


def _runs(folder: Path) -> None:
    """Runs whose records were written by somebody else: a file of each wrong type, and entries."""
    plan = json.loads((folder / "run/run.json").read_text())
    done = json.loads((folder / "run/done.json").read_text())
    wrong = (None, [], {}, 3, "x", [None], {"a": {}}, -1, 1e400, [10**30], ESCAPE, True)
    texts = {f"type{i}": json.dumps(value) for i, value in enumerate(wrong)}
    texts |= {
        "deep": "[" * DEEP, "deepobject": '{"a":' * DEEP, "empty": "", "digits": "9" * 5000,
        "digitsin": f'{{"step": {"9" * 5000}}}', "surrogate": '{"status": "\\ud800"}',
    }  # fmt: skip
    records: dict[str, dict[str, str]] = {}
    for name, text in texts.items():
        records[f"plan-{name}"] = {"run.json": text}
        records[f"done-{name}"] = {"run.json": json.dumps(plan), "done.json": text}
    for i, key in enumerate(("status", "step", "train_error", "seconds", "why")):
        for value in (wrong[i], wrong[-1 - i], [], ESCAPE):
            content = {"run.json": json.dumps(plan), "done.json": json.dumps({**done, key: value})}
            records[f"done-{key}-{wrong.index(value)}"] = content
    for i, key in enumerate(plan):
        for value in (wrong[i % 12], wrong[-1 - i % 12]):
            content = {"run.json": json.dumps({**plan, key: value}), "done.json": json.dumps(done)}
            records[f"plan-{key}-{wrong.index(value)}"] = content
    records["progress"] = {"run.json": json.dumps(plan), "progress.json": '{"step": "x"}',
                           "last.ckpt": ""}  # fmt: skip
    records["metrics"] = {"run.json": json.dumps(plan), "metrics.csv": f"step,{ESCAPE}\n1,2\n"}
    records["good"] = {"run.json": json.dumps(plan), "done.json": json.dumps(done)}
    other = json.dumps({**plan, "kind": "plain", "depth": 14, "model": "plain14"})
    for name, files in records.items():
        sweep = folder / "sweeps" / name
        for file, text in files.items():
            _write(folder / "runs" / name / file, text)
            _write(sweep / "one" / file, text)
        _write(sweep / "sweep.json", json.dumps({"runs": ["one", "other"]}))
        _write(sweep / "other/run.json", other)
        _write(sweep / "other/done.json", json.dumps(done))
    lists = (3, None, "run", ["../../runs/good"], [None], ["../.."], {"a": 1}, [ESCAPE],
             ["x" * 300], ["a\0b"], [[]], [], ["/etc"], ["\ud800"])  # fmt: skip
    for i, value in enumerate(lists):
        texts[f"list{i}"] = json.dumps({"runs": value})
    for name, text in texts.items():
        _write(folder / f"sweeps/of-{name}/sweep.json", text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


SCRIPTS = {
    "exits.py": b"import sys\nsys.exit(0)\n",
    "stops.py": b"raise KeyboardInterrupt\n",
    "base.py": b"class Own(BaseException): pass\nraise Own('own')\n",
    "wants.py": b"raise ImportError('\x1b[2J')\n",
    "escapes.py": "raise ValueError('\x1b[2J\u202e')\n".encode(),
    "prints.py": b"from nets import Net\nprint('hello')\n",
    "unprintable.py": b"class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
    "nul.py": b"x = 1\0",
    "latin.py": b"x = '\xff'\n",
    "deep.py": b"x = " + b"(" * 5000,
    "syntax.py": b"def \x1b[2J(:\n",
    "empty.py": b"",
    "closes.py": b"import sys\nfrom nets import Net\nsys.stdout.close()\n",
    "attributes.py": b"def __getattr__(name):\n    raise ValueError(name)\n",
}

NETS = r'''
import os
import shutil
import sys

import torch
from torch import nn


class Own(BaseException):
    """Is caught by nobody who catches Exception."""


class Unprintable(Exception):
    def __str__(self):
        raise ValueError("no text")

    __repr__ = __str__


class Net(nn.Module):
    input_shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.odd(self.fc(self.conv(x).mean((2, 3))))

    def odd(self, x):
        return x


def forward(name, act):
    """A net whose forward does something odd at the end."""
    globals()[name] = type(name, (Net,), {"odd": lambda self, x: act(x)})


def raises(error):
    def act(*_):
        raise error
    return act


forward("Exits", lambda x: sys.exit(0))
forward("ExitsWithText", lambda x: sys.exit("\x1b[2J"))
forward("RaisesBase", raises(Own("own")))
forward("RaisesInterrupt", raises(KeyboardInterrupt()))
forward("RaisesGeneratorExit", raises(GeneratorExit()))
forward("RaisesUnprintable", raises(Unprintable()))
forward("RaisesEscapes", raises(ValueError("\x1b[2J\x9b31m\x07")))
forward("RaisesSurrogate", raises(ValueError("\udcff")))
forward("RaisesLong", raises(ValueError("x" * 100_000)))
forward("RaisesNothing", raises(ValueError()))
forward("RaisesMemory", raises(MemoryError()))
forward("RaisesRecursion", lambda x: (lambda f: f(f))(lambda f: f(f)))
forward("RaisesStop", raises(StopIteration()))
forward("RaisesBrokenPipe", raises(BrokenPipeError()))
forward("RaisesImport", raises(ImportError("\x1b[2J")))
forward("RaisesKey", raises(KeyError("\x1b[2J")))
forward("Prints", lambda x: print("{ hello", flush=True) or x)
forward("ClosesOut", lambda x: sys.stdout.close() or x)
forward("ClosesError", lambda x: sys.stderr.close() or x)
forward("ReplacesOut", lambda x: setattr(sys, "stdout", None) or x)
forward("ReplacesError", lambda x: setattr(sys, "stderr", None) or x)
forward("Reads", lambda x: (input(), x)[1])
forward("ReadsAll", lambda x: (sys.stdin.read(), x)[1])
forward("Moves", lambda x: os.chdir("/") or x)
forward("Deletes", lambda x: shutil.rmtree(os.getcwd()) or x)
forward("Complex", lambda x: x.to(torch.complex64))
forward("Quantized", lambda x: torch.quantize_per_tensor(x.float(), 0.1, 0, torch.qint8))
forward("Sparse", lambda x: x.to_sparse())
forward("Text", lambda x: ["a", "\x1b[2J"])
forward("Nothing", lambda x: None)
forward("Generator", lambda x: (each for each in [x]))
forward("Itself", lambda x: (lambda a: a.append(a) or a)([x]))
forward("Nested", lambda x: __import__("functools").reduce(lambda a, _: [a], range(5000), x))
forward("Keys", lambda x: {"\x1b[2J": x, 3: x, None: x})
forward("Integers", lambda x: x.long())
forward("Empty", lambda x: x[:0])
forward("Nan", lambda x: x * float("nan"))
forward("Detached", lambda x: x.detach())
forward("Anomaly", lambda x: torch.set_default_dtype(torch.float64) or x)
forward("Grad", lambda x: torch.set_grad_enabled(False) and None or x)
forward("Warns", lambda x: __import__("warnings").warn("\x1b[2J") or x)
forward("Trace", lambda x: sys.settrace(None) or sys.setrecursionlimit(100) or x)


class Marks(Net):
    def __init__(self):
        open("pwned", "w").close()
        super().__init__()


def constructor(name, act):
    """A net whose constructor does something odd."""
    globals()[name] = type(name, (Net,), {"__init__": lambda self: act(self)})


constructor("InitExits", lambda self: sys.exit(0))
constructor("InitRaisesBase", raises(Own("own")))
constructor("InitRaisesUnprintable", raises(Unprintable()))
constructor("InitRaisesEscapes", raises(ValueError("\x1b[2J")))
constructor("InitRaisesInterrupt", raises(KeyboardInterrupt()))
constructor("InitDoesNothing", lambda self: None)
constructor("InitPrints", lambda self: Net.__init__(self) or print("hello", flush=True))
constructor("InitClosesOut", lambda self: Net.__init__(self) or sys.stdout.close())


class Knows(Net):
    """Its layer knows it, registered: the tree of modules is none."""

    def __init__(self):
        super().__init__()
        self.conv.parent = self


class KnowsByList(Knows):
    def __init__(self):
        Net.__init__(self)
        self.conv.parents = [self]


class KnowsItself(Knows):
    def __init__(self):
        Net.__init__(self)
        self.me = self


def named(name, label):
    """A net with a layer, a buffer and a parameter of an odd name."""

    def init(self):
        Net.__init__(self)
        self.add_module(label, nn.Sequential(nn.Linear(2, 2)))
        self.register_buffer(label + "b", torch.zeros(1))
        self.register_parameter(label + "p", nn.Parameter(torch.zeros(1)))

    globals()[name] = type(
        name, (Net,), {"__init__": init, "odd": lambda self, x: getattr(self, label)(x)}
    )


named("LongName", "n" * 300)
named("EscapeName", "\x1b[2J\x9b31m")
named("BellName", "a\x07\x08\r")
named("RightName", "\u202egnp.exe")
named("FormulaName", "=cmd|' /C calc'!A0")
named("ScriptName", "<script>alert(1)</script>")
named("EntityName", "&lt;\"'>")
named("PipeName", "a|b")
named("LinkName", "[x](javascript:alert(1))")
named("BackslashName", "\\N\\l\"{}|<p>")
named("SurrogateName", "\udcff")
named("NewlineName", "a\nb")
named("NulName", "a\0b")
named("SpaceName", " ")
named("CommentName", "%%{init: x}%%")


def classed(name, label):
    """A net with a layer whose class has an odd name."""
    layer = type(label, (nn.Linear,), {})

    def init(self):
        Net.__init__(self)
        self.last = nn.Sequential(layer(2, 2))

    globals()[name] = type(
        name, (Net,), {"__init__": init, "odd": lambda self, x: self.last(x)}
    )


classed("EscapeClass", "\x1b[2J")
classed("ScriptClass", "<script>alert(1)</script>")
classed("LongClass", "C" * 300)
classed("NewlineClass", "a\nb")


class RaisesRepr(Net):
    def extra_repr(self):
        raise Own


class RaisesAttribute(Net):
    def __getattr__(self, name):
        if name.startswith("ex"):
            raise ValueError(name)
        return super().__getattr__(name)


class RaisesParameters(Net):
    def parameters(self, *_, **__):
        raise Own

    named_parameters = state_dict = parameters


class RaisesEval(Net):
    def train(self, *_):
        raise Own


def shaped(name, shape):
    globals()[name] = type(name, (Net,), {"input_shape": shape})


shaped("ShapeOfText", ("a", "b"))
shaped("ShapeNegative", (3, -8, 8))
shaped("ShapeHuge", (3, 10**30, 8))
shaped("ShapeVast", (3, 2**31, 2**31))
shaped("ShapeNumber", 5)
shaped("ShapeEscape", "\x1b[2J")
shaped("ShapeRaises", property(raises(Own("own"))))
shaped("ShapeLong", (2,) * 100)


class Vast(Net):
    """More weights than an int64 counts."""

    def __init__(self):
        super().__init__()
        with torch.device("meta"):
            self.layers = nn.ModuleList(nn.Linear(2**31, 2**31) for _ in range(4))


class TooVast(Net):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2**62, 2**62)


class Overflows(Net):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(10**30, 2)


class Deep(Net):
    """A tree of modules deeper than Python recurses."""

    def __init__(self):
        super().__init__()
        layer = nn.Identity()
        for _ in range(1500):
            layer = nn.Sequential(layer)
        self.layer = layer


class Grows(Net):
    def odd(self, x):
        self.add_module(f"l{len(self._modules)}", nn.Linear(2, 2))
        return x


class Endless(Net):
    def __iter__(self):
        while True:
            yield self

    def __len__(self):
        raise Own

    def __bool__(self):
        raise Own

    def __eq__(self, other):
        raise Own

    __hash__ = nn.Module.__hash__


class Metaclass(type):
    def __call__(cls, *_, **__):
        raise Own


class Uncallable(Net, metaclass=Metaclass):
    pass


class Signature(Net):
    __signature__ = "\x1b[2J"
    odd = None


instance = nn.Linear(3, 3)
text = "\x1b[2J"
'''
