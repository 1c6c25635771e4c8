"""What training costs and keeps on a CUDA machine, in one call of at most nine minutes.

    python tests/gpu/measure.py --data FOLDER         # or a .npz file, or an archive of the folder
    python tests/gpu/measure.py paper --data FOLDER   # further parts: paper, accurate
    python tests/gpu/measure.py --dry                 # in miniature on a CPU: does this file run?

Every part is a process of its own with a time limit: one that crashes or hangs loses only itself.
`result.json` is written anew after every part, into $OUT or .gpu/out; sweeps go on in .gpu/work
when they are called again. archlab need not be installed. docs/how-to/gpu.md says what is measured.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import tomllib
import warnings
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(os.environ.get("OUT") or ROOT / ".gpu" / "out")
WORK = ROOT / ".gpu" / "work"
PARTS = ("steps", "sweep", "equality", "tests")
FURTHER = ("paper", "accurate")
# What draws, counts for others and makes pages: nothing here needs it.
UNUSED = {"fvcore", "graphviz", "pygraphviz"}
CASES = (("cifar_resnet20", "paper"), ("cifar_resnet20", "fast"),
         ("googlenet", "lesson"), ("resnet18", "accurate"))  # fmt: skip
DRY = False
SAVING = 40.0  # seconds at the end for what is interrupted to save


class Report:
    """What was found, on disk after every part."""

    def __init__(self, seconds: float) -> None:
        self.begin = time.monotonic()
        self.deadline = self.begin + seconds - SAVING
        self.found: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[Any]] = set()

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()

    def keep(self, name: str, value: Any) -> None:
        with self._lock:
            self.found[name] = value
            part = OUT / "result.json.part"
            part.write_text(json.dumps(self.found, indent=1, default=str))
            part.replace(OUT / "result.json")
        at = time.monotonic() - self.begin
        print(f"[{at:5.0f} s] {name}: {json.dumps(value, default=str)[:600]}", flush=True)

    def run(
        self, name: str, command: Sequence[Any], limit: float, *, saves: bool = False
    ) -> dict[str, Any]:
        """Run a command; keep how it ended, and what it found or the end of what it said.

        At its limit it is killed; with `saves` it gets SIGINT first, and the time to save.
        """
        words, begin = list(map(str, command)), time.monotonic()
        log = OUT / f"{threading.get_ident()}.part"
        env = {
            **os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg",
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        }  # fmt: skip
        with log.open("w") as file:
            process = subprocess.Popen(
                words, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT, env=env,
                start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
            try:
                code: Any = process.wait(max(1.0, limit))
            except subprocess.TimeoutExpired:
                code = f"stopped after {limit:.0f} s"
                if saves:
                    process.send_signal(signal.SIGINT)
                    try:
                        process.wait(SAVING - 10)
                    except subprocess.TimeoutExpired:
                        code += ", killed"
                self._kill(process)
            self._running.discard(process)
        said = log.read_text(errors="replace")
        log.unlink()
        value: dict[str, Any] = {"code": code, "seconds": round(time.monotonic() - begin, 1)}
        found = [line[5:] for line in said.splitlines() if line.startswith("JSON ")]
        if found:
            value["found"] = json.loads(found[-1])
        if code != 0:
            value["said"] = said[-3000:]
        with self._lock, (OUT / "log.txt").open("a") as whole:
            whole.write(f"\n===== {name}: {' '.join(words)}: {code}\n{said[-100_000:]}")
        self.keep(name, value)
        return value

    def stop(self) -> None:
        """Kill what still runs."""
        for process in list(self._running):
            self._kill(process)

    @staticmethod
    def _kill(process: subprocess.Popen[Any]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def inside(name: str, *words: object) -> list[Any]:
    """The command of one of the functions below, in a process of its own."""
    dry = ["--dry"] if DRY else []
    return [sys.executable, Path(__file__).resolve(), *dry, "--inside", name, *words]


def archlab(*words: object) -> list[Any]:
    return [sys.executable, "-m", "archlab", *words]


def tell(found: dict[str, Any]) -> None:
    print("JSON " + json.dumps(found), flush=True)


# Each of these runs in a process of its own, and tells what it found.


def environment() -> None:
    """Versions and flags; code 2 where a package is missing that training needs."""
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    versions: dict[str, str | None] = {"python": platform.python_version()}
    missing = []
    for needed in map(Requirement, project["dependencies"]):
        try:
            versions[needed.name] = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            versions[needed.name] = None
        has = versions[needed.name]
        fits = has is not None and needed.specifier.contains(has, prereleases=True)
        if not fits and needed.name not in UNUSED:
            missing.append(f"{needed} (here: {has})")
    if missing:
        tell({"versions": versions, "missing": missing})
        sys.exit(2)
    import torch

    cuda = torch.backends.cuda.matmul, torch.backends.cudnn
    found = {
        "versions": versions, "cores": os.cpu_count(), "cuda": torch.version.cuda,
        "cudnn": cuda[1].version(), "matmul_precision": cuda[0].fp32_precision,
        "conv_precision": cuda[1].conv.fp32_precision, "benchmark": cuda[1].benchmark,
        "workspace": os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    }  # fmt: skip
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
        found["capability"] = torch.cuda.get_device_capability()
        query = ["nvidia-smi", "--query-gpu=driver_version,memory.total", "--format=csv,noheader"]
        shown = subprocess.run(query, capture_output=True, text=True, check=False)
        found["driver"] = shown.stdout.strip()
    tell(found)


def data(source: str = "") -> None:
    """The images as whole.npz, and a tenth as small.npz; random ones where none are given."""
    import numpy as np

    from archlab.data.sets import ImageSet, load_images

    if source:
        path = Path(source)
        if ".tar" in path.suffixes:
            shutil.rmtree(WORK / "images", ignore_errors=True)
            with tarfile.open(path) as archive:
                archive.extractall(WORK / "images", filter="data")
            path = WORK / "images"
        images = load_images(str(path))
    else:
        numbers = np.random.default_rng(0)
        pixels = numbers.integers(0, 256, (60 if DRY else 6000, 3, 32, 32), np.uint8)
        labels, cut = numbers.integers(0, 10, len(pixels)), len(pixels) * 5 // 6
        images = ImageSet("random", pixels[:cut], labels[:cut], pixels[cut:], labels[cut:],
                          tuple("0123456789"))  # fmt: skip
    names = ("train_images", "train_labels", "test_images", "test_labels")
    arrays = {name: getattr(images, name) for name in names}
    classes = np.array(images.classes)
    if source:
        np.savez(WORK / "whole.npz", **arrays, classes=classes)
    step = 10 if source else 1
    small = {name: np.ascontiguousarray(part[::step]) for name, part in arrays.items()}
    np.savez(WORK / "small.npz", **small, classes=classes)
    tell({"name": images.name, "images": len(images.train_labels), "shape": images.shape,
          "fingerprint": images.fingerprint})  # fmt: skip


def steps() -> None:
    """Milliseconds a step: a bare loop, the same captured, its kernels, archlab's; host waits."""
    found: dict[str, Any] = {}
    for model in ("cifar_resnet8",) if DRY else ("cifar_resnet20", "cifar_resnet56"):
        for recipe in ("fast",) if DRY else ("paper", "fast"):
            try:
                found[f"{model} {recipe}"] = _steps(model, recipe)
            except Exception as error:  # noqa: BLE001  the next one still counts
                found[f"{model} {recipe}"] = f"{type(error).__name__}: {error}"[:500]
            tell(found)


def _steps(model: str, name: str) -> dict[str, Any]:
    import torch

    from archlab.runs.recipe import RECIPES
    from archlab.train import cost
    from archlab.train.build import build

    batch = 8 if DRY else 128
    recipe = replace(RECIPES[name], batch_size=batch)
    net = build(model, {}, 1)
    ms = {"stepper": 1e3 * cost.seconds_a_step(net, recipe, (3, 32, 32), 10)}
    torch.backends.cudnn.benchmark = True
    ms["bare loop"] = _timed(_bare(model, recipe))
    if torch.cuda.is_available():
        ms["kernels of the bare loop"], kernels = _kernels(_bare(model, recipe))
        ms["bare loop, captured"] = _timed(_captured(_bare(model, recipe)))
    few, many = (2, 6) if DRY else (200, 1200)
    _trained(model, recipe, few)  # the first run in a process looks for kernels
    ms["archlab"] = 1e3 * (_trained(model, recipe, many) - _trained(model, recipe, few))
    ms["archlab"] /= many - few
    told: dict[str, Any] = {"ms": {key: round(value, 4) for key, value in ms.items()}}
    if torch.cuda.is_available():
        told["kernels a step"] = kernels
        told["waits a step"] = _waits(model, recipe)
    ours = ms["archlab"]
    told["archlab as a ratio to"] = {
        key: round(ours / value, 3) for key, value in ms.items() if key != "archlab"
    }
    return told


def _bare(model: str, recipe: Any) -> Callable[[], None]:
    """The step of a loop that one writes without any library, on one batch."""
    import torch
    from torch.nn import functional

    from archlab.train.build import build

    cuda = torch.cuda.is_available()
    place, half = ("cuda" if cuda else "cpu"), recipe.precision == "bfloat16"
    net = build(model, {}, 1).to(place, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4,
                                fused=cuda)  # fmt: skip
    images = torch.randn(recipe.batch_size, 3, 32, 32, device=place)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (recipe.batch_size,), device=place)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        # A captured step must not hold weights in a cache that is cleared outside it.
        precision = torch.autocast(place, torch.bfloat16, cache_enabled=False)
        with precision if half else nullcontext():
            loss = functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()

    return step


def _captured(step: Callable[[], None]) -> Callable[[], None]:
    """The step as a CUDA graph, by the recipe of torch's page on them."""
    import torch

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(4):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    # The graph reads and writes the memory of the step's net and images, which must stay theirs.
    def replay(_step: Callable[[], None] = step) -> None:
        graph.replay()

    return replay


def _timed(step: Callable[[], None]) -> float:
    """The median of three times of a step, in milliseconds."""
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    rounds, times = (2 if DRY else 60), []
    for _ in range(5):
        step()
    for _ in range(3):
        wait()
        begin = time.perf_counter()
        for _ in range(rounds):
            step()
        wait()
        times.append(1e3 * (time.perf_counter() - begin) / rounds)
    return sorted(times)[1]


def _kernels(step: Callable[[], None]) -> tuple[float, int]:
    """The time of a step's kernels in milliseconds, and their number: no launch goes below it."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    for _ in range(5):
        step()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        for _ in range(5):
            step()
        torch.cuda.synchronize()
    rows = [row for row in seen.key_averages() if row.self_device_time_total > 0]
    return sum(row.self_device_time_total for row in rows) / 5e3, sum(r.count for r in rows) // 5


def _trained(model: str, recipe: Any, count: int) -> float:
    """The seconds of a run of so many steps, from its first on, as its record says."""
    import archlab

    never = 10**6
    short = replace(recipe, steps=count, epochs=None, eval_every=never, checkpoint_every=never)
    out = WORK / "steps" / f"{model}-{recipe.name}-{time.time_ns()}"
    answer = archlab.train_model(model, data=str(WORK / "small.npz"), recipe=short, out=out)
    return float(answer.totals.seconds)


def _waits(model: str, recipe: Any) -> dict[str, float]:
    """What makes the host wait in a run of 220 steps, from the 20th on, by file and line."""
    import torch

    from archlab.train.steps import Stepper

    places: Counter[str] = Counter()
    run, first, last = Stepper.run, 20, 220

    def note(message: Any, category: Any, filename: str, line: int, *_: object) -> None:
        if "synchroniz" in str(message):
            path = Path(filename)
            places[f"{path.parent.name}/{path.name}:{line}"] += 1

    def watched(self: Stepper, until: int) -> int:
        if self.step < first:
            return run(self, min(until, first))
        warnings.simplefilter("always")
        warnings.showwarning = note
        torch.cuda.set_sync_debug_mode("warn")
        return run(self, until)

    Stepper.run = watched  # type: ignore[method-assign]
    try:
        _trained(model, recipe, last)
    finally:
        torch.cuda.set_sync_debug_mode("default")
        Stepper.run = run  # type: ignore[method-assign]
    return {place: round(count / (last - first), 4) for place, count in places.most_common()}


def one(model: str, name: str, out: str, count: str, die: str) -> None:
    """A short run; at step `die`, unless that is 0, SIGKILL ends it."""
    import archlab
    from archlab.runs.recipe import RECIPES
    from archlab.train.steps import Stepper

    run, last = Stepper.run, int(die)

    def mortal(self: Stepper, until: int) -> int:
        taken = run(self, min(until, last) if last else until)
        if last and self.step >= last:
            os.kill(os.getpid(), signal.SIGKILL)
        return taken

    Stepper.run = mortal  # type: ignore[method-assign]
    recipe = replace(
        RECIPES[name], steps=int(count), epochs=None, checkpoint_every=int(count) // 3,
        eval_every=10**6, batch_size=8 if DRY else 128,
    )  # fmt: skip
    archlab.train_model(model, data=str(WORK / "small.npz"), recipe=recipe, seed=3, out=out)


def compared(*folders: str) -> None:
    """The largest difference of any weight of runs to those of the first."""
    from archlab.train import checkpoint

    first, *others = (checkpoint.read(Path(folder))["state_dict"] for folder in folders)
    tell({
        Path(folder).name: max(
            float((first[name].cpu().double() - state[name].cpu().double()).abs().max())
            for name in first
        )
        for folder, state in zip(folders[1:], others, strict=True)
    })  # fmt: skip


INSIDE = {each.__name__: each for each in (environment, data, steps, one, compared)}

# What the process that was called does.


def equality(report: Report) -> None:
    """The same seed twice, and killed and resumed."""
    shutil.rmtree(WORK / "equality", ignore_errors=True)
    count = 6 if DRY else 60

    def case(model: str, recipe: str) -> None:
        name, base = f"equality {model} {recipe}", WORK / "equality" / f"{model}-{recipe}"
        folders = [base / way for way in ("first", "again", "resumed")]
        # The third is killed between two checkpoints, and called again.
        for folder, die in (*((folder, 0) for folder in folders[:2]),
                            (folders[2], count * 3 // 4), (folders[2], 0)):  # fmt: skip
            ended = report.run(f"{name}: {folder.name}{', killed' * bool(die)}",
                               inside("one", model, recipe, folder, count, die), 150)  # fmt: skip
            if ended["code"] != (-signal.SIGKILL if die else 0):
                return
        report.run(f"{name}: largest difference", inside("compared", *folders), 60)

    cases = (("cifar_resnet8", "fast"),) if DRY else CASES
    at_once([lambda each=each: case(*each) for each in cases])


def sweep(report: Report, recipe: str, seeds: int, limit: float) -> None:
    """The degradation experiment; what is not over at its limit is saved, and goes on next time."""
    folder = WORK / recipe
    images = WORK / ("small.npz" if DRY else "whole.npz")
    short = ("--set", "steps=2", "--set", "batch_size=8", "--jobs", 2) if DRY else ()
    command = archlab("degradation", "--depths", "8,14" if DRY else "20,56", "--recipe", recipe,
                      "--seeds", seeds, "--data", images, "--out", folder, *short)  # fmt: skip
    name = f"sweep {recipe}, seeds: {seeds}"
    ended = report.run(name, command, min(limit, report.left), saves=True)
    for key, file in (("verdict", "verdict.json"), ("ledger", "ledger.csv")):
        if (folder / file).is_file():
            text = (folder / file).read_text()
            ended[key] = json.loads(text) if file.endswith("json") else text
    told = ("outcome", "plain_gap", "residual_gap", "removal", "removal_low")
    ended["found"] = {key: ended.get("verdict", {}).get(key) for key in told}
    report.keep(name, ended)
    if (folder / "figure.svg").is_file():
        shutil.copy(folder / "figure.svg", OUT / f"{recipe}.svg")


def accurate(report: Report) -> None:
    """A ResNet-18 by the recipe `accurate`."""
    command = archlab("train", "resnet18", "--recipe", "accurate", "--data", WORK / "whole.npz",
                      "--out", WORK / "accurate", "--format", "json")  # fmt: skip
    ended = report.run("accurate", command, report.left, saves=True)
    for name in ("done.json", "metrics.csv"):
        if (WORK / "accurate" / name).is_file():
            ended[name] = (WORK / "accurate" / name).read_text()
    report.keep("accurate", ended)


def tests(report: Report) -> None:
    """The tests that want a GPU, and those of training as they are where there is one."""
    marked = [path for path in sorted((ROOT / "tests").rglob("test_*.py"))
              if "mark.gpu" in path.read_text()]  # fmt: skip
    parallel = ("-n", 4) if importlib.util.find_spec("xdist") else ()
    for name, words in {
        "tests marked gpu": ("-m", "gpu", *([ROOT / "tests" / "gpu"] if DRY else marked)),
        # GPUs are hidden from tests unless their choice names them.
        "tests of training on the GPU": ("-m", "gpu or not slow", *parallel, "tests/train"),
    }.items():
        junit = OUT / f"{name.replace(' ', '-')}.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider",
                   "--tb=short", f"--junitxml={junit}", *words]  # fmt: skip
        ended = report.run(name, command, report.left)
        if junit.is_file():
            ended |= outcomes(junit)
            report.keep(name, ended)
        if DRY:
            return


def outcomes(junit: Path) -> dict[str, Any]:
    """How many tests passed, failed and were skipped, and which failed how."""
    cases = list(ET.parse(junit).iter("testcase"))
    failed = {
        f"{case.get('classname')}.{case.get('name')}": (fault.get("message") or "")[:300]
        for case in cases
        for fault in case
        if fault.tag in ("failure", "error")
    }
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = {"passed": len(cases) - skipped - len(failed), "skipped": skipped}
    return {**counts, "failed": failed}


def at_once(tasks: Sequence[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measure(parts: Sequence[str], source: str, report: Report) -> int:
    """Run the parts; what is timed runs alone, and the rest side by side."""
    for name, words in (("environment", []), ("data", [source] if source else [])):
        if report.run(name, inside(name, *words), 150)["code"] != 0:
            return 2
    needs_images = {*FURTHER, "sweep"} if not (source or DRY) else set()
    for name in sorted(needs_images & set(parts)):
        report.keep(name, "not measured: it needs the images of CIFAR-10, --data")
    wanted = set(parts) - needs_images
    if "steps" in wanted:
        shutil.rmtree(WORK / "steps", ignore_errors=True)
        report.run("steps", inside("steps"), 170)
    if "sweep" in wanted:
        sweep(report, "fast", 1, 150)
    beside = {
        "equality": lambda: equality(report),
        "tests": lambda: tests(report),
        "sweep": lambda: sweep(report, "fast", 3, report.left),
        "paper": lambda: sweep(report, "paper", 1, report.left),
        "accurate": lambda: accurate(report),
    }
    at_once([task for name, task in beside.items() if name in wanted])
    return 0


def pack() -> None:
    """Put what runs have written, without their weights, into one file."""
    with tarfile.open(OUT / "runs.tar.gz", "w:gz") as archive:
        for path in sorted(WORK.glob("*/**/*")):
            if path.suffix in (".json", ".csv", ".txt"):
                archive.add(path, str(path.relative_to(WORK)))


def main(parts: Sequence[str], source: str, minutes: float) -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    WORK.mkdir(parents=True, exist_ok=True)
    (OUT / "log.txt").unlink(missing_ok=True)
    report = Report(60 * minutes)
    try:
        code = measure(parts or PARTS, source and str(Path(source).absolute()), report)
    finally:
        report.stop()
        pack()
    print()
    # Last, for whoever sees only the end of the output.
    for name, value in report.found.items():
        ended = value.get("code") if isinstance(value, dict) else ""
        shown = value.get("found", value.get("said", value)) if isinstance(value, dict) else value
        print(f"{name} | {ended} | {json.dumps(shown, default=str)[-700:]}")
    return code


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join((*PARTS, *FURTHER))}")
    parser.add_argument("--data", default="", help="CIFAR-10: a folder, .npz file or archive")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--dry", action="store_true", help="in miniature, also on a CPU")
    parser.add_argument("--inside", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    DRY = given.dry
    if given.inside:
        sys.path.insert(0, str(ROOT))
        INSIDE[given.inside[0]](*given.inside[1:])
        sys.exit()
    if unknown := set(given.parts) - {*PARTS, *FURTHER}:
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    sys.exit(main(given.parts, given.data, given.minutes))
