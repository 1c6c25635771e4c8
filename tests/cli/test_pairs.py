"""No option is silently dropped: each command with each pair of its options.

A pair is in order where both options show in what the command prints and writes, or where one line
names both and the exit code is 2. Verbs that train, measure a live net or start processes are not
run: what reaches them is compared instead. So are options that no output can show, as --timeout.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from archlab.api import cost
from archlab.api.model import Model
from archlab.api.page.report import Report
from archlab.cli.app import COMMANDS, built
from archlab.cli.command import Everywhere, Limit
from archlab.picture.picture import Picture
from archlab.survey.result import scan_result
from archlab.survey.row import ScanRow

LOADING = {"--input": "--input 3x9x9", "--batch": "--batch 2", "--set": "--set width=3"}
OUTPUT = {"--format": "--format json", "--out": "--out answer.md"}
TREE = {"--depth": "--depth 1", "--sort": "--sort path"}
MODULES = {**LOADING, **OUTPUT, **TREE}
MEASURING = {
    **LOADING, **OUTPUT, "--sort": "--sort path", "--plot": "--plot depth.svg",
    "--seeds": "--seeds 2", "--seed": "--seed 5", "--norm": "--norm none",
    "--init": "--init xavier", "--checkpoint": "--checkpoint weights.pt",
    "--images": "--images embedded", "--set": "--set num_classes=3",
    "--data-dir": "--data-dir here", "--noise": "--noise", "--mode": "--mode eval",
    "--device": "--device cpu:0", "--dtype": "--dtype float64",
}  # fmt: skip
ENGINE = {"--engine": "--engine ray", "--address": "--address a:1", "--jobs": "--jobs 3"}
IMAGES = {"--data": "--data cifar100", "--data-dir": "--data-dir here"}
TRAINING = {
    **IMAGES, "--format": "--format json", "--recipe": "--recipe lesson",
    "--config": "--config recipe.yaml", "--set": "--set epochs=2", "--download": "--download",
    "--out": "--out folder",
}  # fmt: skip
SUM = {
    "--in": "--in 32", "--kernel": "--kernel 5", "--reduce": "--reduce 8", "--size": "--size 7",
    "--factor": "--factor v3",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A line to begin with, and for each option arguments whose effect can be seen.

    Arguments may hold other options that the one belongs to; a pair of the two is then no pair.
    """

    line: str
    options: dict[str, str]
    unseen: tuple[str, ...] = ()
    excused: Collection[tuple[str, str]] = ()


LIMIT = {f"--{item.name}" for item in fields(Limit)}  # render and scan have one of their own
EVERYWHERE = {"--help", *(f"--{item.name}" for item in fields(Everywhere))}  # test_command.py


def options_of(name: str) -> set[str]:
    """The long names of a command's options."""
    parameters = [item for item in built(name).params if item.param_type_name == "option"]
    names = {max(item.opts, key=len) for item in parameters} - EVERYWHERE
    return names if name == "scan" else names - LIMIT


NET = "pair.py:Net"
CASES = {
    "params": Case(NET, {**MODULES, "--mode": "--mode train"}),
    "shapes": Case(NET, {**MODULES, "--mode": "--mode train"}),
    "summary": Case(NET, {**MODULES, "--mode": "--mode train"}),
    "memory": Case(NET, {**MODULES, "--optimizer": "--optimizer sgd"}),
    "flops": Case(
        NET,
        {
            **MODULES, "--mode": "--mode train", "--by": "--by kind", "--strict": "--strict",
            "--convention": "--convention fvcore", "--against": "--against fvcore --sort path",
        },
    ),
    "flops, both modes": Case(
        NET,
        {
            **MODULES, "--mode": "--mode both", "--by": "--by kind", "--strict": "--strict",
            "--convention": "--convention fvcore", "--against": "--against fvcore --sort path",
        },
    ),
    "flops, against another counter": Case(
        f"{NET} --against fvcore",
        {
            **MODULES, "--mode": "--mode train", "--by": "--by kind", "--strict": "--strict",
            "--convention": "--convention fvcore", "--against": "--against thop",
            "--sort": "--sort difference",
        },
    ),
    "check": Case(
        f"{NET} --max-params 3M",
        {
            **LOADING, **OUTPUT, "--max-params": "--max-params 1M", "--max-macs": "--max-macs 1M",
            "--max-flops": "--max-flops 2M", "--max-peak": "--max-peak 1MiB",
            "--max-training": "--max-training 2MiB",
        },
    ),
    "compare": Case(f"{NET} pair.py:Other", {**LOADING, **OUTPUT, "--diff": "--diff"}),
    "bottleneck": Case(
        "pair.py:Narrow",
        {
            **OUTPUT, **SUM, "--sort": "--sort direct", "--input": "--input 8x12x12",
            "--batch": "--batch 2", "--set": "--set width=3",
        },
    ),
    "bottleneck, a sum": Case(
        "--in 64 --out 64 --reduce 16",
        {**LOADING, **OUTPUT, **SUM, "--sort": "--sort path"},
    ),
    "rf": Case(
        NET,
        {
            **MODULES, "--set": "--set dilation=2",
            "--layer": "--layer stem --layer body.z", "--unproductive": "--unproductive",
            "--resolution": "--resolution 5 --unproductive", "--verify": "--verify",
            "--effective": "--effective", "--images": "--images images --effective",
            "--checkpoint": "--checkpoint weights.pt --effective", "--plot": "--plot rf.svg",
        },
        # The input says how many channels there are; --verify runs on an image of its own size.
        excused=[("--input", "--verify")],
    ),
    "gradients": Case(
        "resnet8",
        {
            **MEASURING, "--depths": "--depths 8,14", "--twin": "--twin", "--by": "--by layer",
            "--layer": "--layer layer1", "--loss": "--loss sum",
        },
    ),
    "responses": Case("resnet8", {**MEASURING, "--layer": "--layer layer1"}),
    "identity": Case("resnet8", MEASURING),
    "shattered": Case(
        "",
        {
            **OUTPUT, "--sort": "--sort path", "--plot": "--plot depth.svg", "--seeds": "--seeds 2",
            "--depths": "--depths 2", "--scales": "--scales 0.5", "--norm": "--norm both",
            "--width": "--width 9",
        },
    ),
    "render": Case(
        NET,
        {
            **LOADING, "--format": "--format json", "--out": "--out net.svg",
            "--boxes": "--boxes 3", "--depth": "--depth 0", "--expand": "--expand body --boxes 3",
            "--ops": "--ops", "--color-by": "--color-by params --format svg",
            "--overlay": "--overlay heat.csv --format svg",
            "--direction": "--direction LR --format svg", "--theme": "--theme dark --format svg",
            "--view": "--view autograd", "--diff": "--diff pair.py:Other", "--mode": "--mode train",
            "--fit": "--fit slide --format svg", "--style": "--style volumes --format svg",
            "--insets": "--insets --format svg",
        },
        # Volumes run from left to right anyway, and the net's cards fit a slide that way.
        excused=[("--direction", "--style"), ("--direction", "--fit")],
    ),
    "report": Case(NET, {**LOADING, "--out": "--out page.html", "--gradients": "--gradients"}),
    "curves": Case(
        "sweep",
        {"--out": "--out c.png", "--gradients": "--gradients", "--style": "--style fig1"},
    ),
    "degradation": Case(
        "--recipe demo",
        {
            **TRAINING, **ENGINE, "--depths": "--depths 8,14", "--kinds": "--kinds plain",
            "--seeds": "--seeds 2", "--gpus": "--gpus 0.5", "--gradients": "--gradients 9",
            "--style": "--style fig1",
        },
    ),
    "train": Case(
        "resnet8 --recipe demo",
        {
            **TRAINING, "--seed": "--seed 5", "--gradients": "--gradients 9",
            "--tensorboard": "--no-tensorboard", "--logger": "--logger a.B",
            "--logger-set": "--logger-set name=c --logger a.B",
        },
    ),
    "test": Case("run", {**IMAGES, **OUTPUT, "--model": "--model resnet8"}),
    "finetune": Case(
        "run --recipe demo",
        {
            **TRAINING, "--seed": "--seed 5", "--freeze": "--freeze stem", "--until": "--until 7",
            "--jobs": "--jobs 3", "--alone": "--alone", "--model": "--model resnet8",
        },
    ),
    "finetune, nothing frozen": Case(
        "run --recipe demo",
        {
            **TRAINING, "--seed": "--seed 5", "--freeze": "--freeze none", "--until": "--until 7",
            "--jobs": "--jobs 3", "--alone": "--alone", "--model": "--model resnet8",
        },
    ),
    "export": Case(
        "run --to pt2",
        {
            "--to": "--to onnx", "--out": "--out net.pt2", "--input": "--input 3x8x8",
            "--model": "--model resnet8",
        },
    ),
    "verdict": Case("sweep", OUTPUT),
    "scan": Case(
        "resnet8",
        {
            **LOADING, **ENGINE, "--format": "--format json", "--out": "--out zoo.csv",
            "--where": "--where 'macs < 3'", "--sort": "--sort params", "--top": "--top 1",
            "--check": "--check table.csv", "--plot": "--plot zoo.svg",
            "--timeout": "--timeout 9", "--memory": "--memory 1GiB",
            "--retry": "--retry --out zoo.csv", "--convention": "--convention fvcore",
            "--optimizer": "--optimizer sgd", "--mark": "--mark m2 --plot zoo.svg",
        },
    ),
    "scan, a table": Case(
        "--out zoo.csv",
        {
            **LOADING, **ENGINE, "--format": "--format json", "--out": "--out zoo.parquet",
            "--where": "--where 'macs < 3'", "--sort": "--sort params", "--top": "--top 1",
            "--check": "--check table.csv", "--plot": "--plot zoo.svg",
            "--timeout": "--timeout 9", "--memory": "--memory 1GiB", "--retry": "--retry",
            "--convention": "--convention fvcore", "--optimizer": "--optimizer sgd",
            "--mark": "--mark m2 --plot zoo.svg",
        },
    ),
    "models": Case("", {**OUTPUT, "--source": "--source torchvision"}),
    "doctor": Case("", {**OUTPUT, "--data-dir": "--data-dir here"}),
}  # fmt: skip
# A command that has no case here, and no options but those of the groups, is called on the net.
SHARED = {**MODULES, "--mode": "--mode train"}
for _name in set(COMMANDS) - {key.partition(",")[0] for key in CASES}:
    CASES[_name] = Case(NET, {option: SHARED[option] for option in options_of(_name) & set(SHARED)})
# Verbs that are recorded instead of run, each with what it answers.
RECORDED = {
    "archlab.api.live.gradients:gradients": "rows",
    "archlab.api.live.probes:responses": "rows",
    "archlab.api.live.probes:identity": "rows",
    "archlab.api.live.probes:shattered": "rows",
    "archlab.api.live.pictures:plot_by_depth": "picture",
    "archlab.api.field.pictures:plot_receptive_field": "picture",
    "archlab.api.page.report:report": "page",
    "archlab.api.training.curves:curves": "picture",
    "archlab.api.training.curves:gradient_heat": "picture",
    "archlab.api.training.degradation:degradation": "rows",
    "archlab.api.training.degradation:opening": "words",
    "archlab.api.training.degradation:verdict": "rows",
    "archlab.api.training.single:train_model": "rows",
    "archlab.api.training.single:evaluate_model": "rows",
    "archlab.api.training.single:logger_maker": "words",
    "archlab.api.training.finetune:finetune_model": "rows",
    "archlab.api.training.trained:export_model": "words",
    "archlab.api.scale.scan:scan": "scan",
    "archlab.api.scale.scan:agreement": "rows",
    "archlab.api.scale.scan:plot_scan": "picture",
    "archlab.doctor:examine": "rows",
    "archlab.doctor:broken": "nothing",
}


def test_every_option_is_in_a_case() -> None:
    for name in COMMANDS:
        options = options_of(name)
        cases = [case for key, case in CASES.items() if key.partition(",")[0] == name]
        assert cases, name
        for case in cases:
            assert options == set(case.options), name


@pytest.mark.parametrize("name", CASES)
def test_each_pair_shows_or_is_refused(name, outcome_of) -> None:
    case, command = CASES[name], name.partition(",")[0]

    @cache
    def outcome(arguments: str) -> Outcome:
        return outcome_of(f"{command} {case.line} {arguments}")

    failures = []
    for option, arguments in case.options.items():
        alone = outcome(arguments)
        if alone.refused:
            assert names(option, alone.message), f"{arguments}: {alone.message}"
        elif option in case.unseen:
            assert alone.drawn != outcome("").drawn, f"{option} reaches nothing"
        else:
            assert alone != outcome(""), f"{option} has no effect"
    for (one, first), (other, second) in itertools.combinations(case.options.items(), 2):
        needed = one in second.split() or other in first.split()
        if needed or (one, other) in case.excused:
            continue
        both = outcome(f"{first} {second}")
        if both.refused:
            alone = outcome(first) if outcome(first).refused else outcome(second)
            named = [names(option, both.message) for option in (one, other)]
            good = (
                any(named) if alone.refused else names_any(first, both) and names_any(second, both)
            )
        elif {one, other} & set(case.unseen):
            good = (both, both.drawn) not in (
                (each, each.drawn) for each in map(outcome, (first, second))
            )
        else:
            good = both not in (outcome(first), outcome(second))
        if not good:
            failures.append(f"{first} {second}: {both.message or 'one of them is dropped'}")
    assert not failures, "\n".join(failures)


@dataclass(frozen=True)
class Outcome:
    """What can be seen of a command: what it prints and writes, and what recorded verbs are asked.

    Attributes:
        calls: the recorded verbs with their keywords.
        message: what archlab says on standard error.
        drawn: the keywords of the verbs that draw, which are run: for options that do not show.
    """

    code: int
    out: str
    files: str
    calls: str
    message: str = field(compare=False)
    drawn: str = field(compare=False)

    @property
    def refused(self) -> bool:
        return self.code == 2


def names(option: str, message: str) -> bool:
    return re.search(rf"{option}(?![\w-])", message) is not None


def names_any(arguments: str, outcome: Outcome) -> bool:
    options = [part for part in arguments.split() if part.startswith("--")]
    return outcome.message.count("\n") == 0 and any(
        names(option, outcome.message) for option in options
    )


@pytest.fixture
def outcome_of(cli, monkeypatch, tmp_path) -> Callable[[str], Outcome]:
    """Run a line in a folder with all that the cases name; models are built and traced once."""
    prepare(tmp_path)
    calls: list[str] = []
    drawn: list[str] = []
    for verb, answer in RECORDED.items():
        module, _, name = verb.partition(":")
        monkeypatch.setattr(import_module(module), name, recorder(name, answer, calls))
    drawing = import_module("archlab.api.render")
    for name in ("render", "render_diff", "render_backward"):
        monkeypatch.setattr(drawing, name, noted(getattr(drawing, name), drawn))
    fields = import_module("archlab.api.field.receptive_field")
    for name in ("verify_receptive_field", "effective_receptive_field"):  # seconds, each time
        monkeypatch.setattr(fields, name, remembered(getattr(fields, name)))
    monkeypatch.setattr("archlab.api.model.Model", Known)
    Known.made.clear()
    inputs = sorted(tmp_path.rglob("*"))

    def run(line: str) -> Outcome:
        calls.clear()
        drawn.clear()
        done = cli(line)
        written = []
        for path in sorted(tmp_path.rglob("*")):
            if path not in inputs and path.is_file() and "__pycache__" not in path.parts:
                written.append(f"{path.name} {path.read_bytes()!r}")
                path.unlink()
        message = "\n".join(
            text for text in done.err.strip().splitlines() if text.startswith("archlab:")
        )
        if done.code == 2:
            assert not written, f"{line}: half-written {written}"
            assert done.out == "", line
        files, asked = "\n".join(written), "\n".join(calls)
        return Outcome(done.code, done.out, files, asked, message, "\n".join(drawn))

    return run


class Known(Model):
    """A model that is built once for the same arguments; so its traces are made once."""

    made: ClassVar[dict[str, Known]] = {}

    def __new__(cls, *spec: str, **keywords: Any) -> Known:  # copies are made without arguments
        return cls.made.get(f"{spec} {keywords}") or super().__new__(cls)

    def __init__(self, spec: str, **keywords: Any) -> None:
        self.key = f"{(spec,)} {keywords}"
        if self.key not in self.made:
            super().__init__(spec, **keywords)
            self.made[self.key] = self


def prepare(folder: Path) -> None:
    import torch
    from PIL import Image

    (folder / "pair.py").write_text((Path(__file__).parent / "pair.py").read_text())
    (folder / "images").mkdir()
    Image.new("RGB", (9, 9), (200, 30, 90)).save(folder / "images" / "1.png")
    torch.manual_seed(1)
    torch.save(import_module_of(folder / "pair.py").Net().state_dict(), folder / "weights.pt")
    (folder / "heat.csv").write_text("module,latency, ms\nstem,1\nhead,3\n")
    (folder / "recipe.yaml").write_text("learning_rate: 0.5\n")
    (folder / "sweep").mkdir()
    (folder / "sweep" / "sweep.json").write_text("{}")


def import_module_of(path: Path) -> Any:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("pair_net", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Rows:
    """An answer with the rows of `params`, and totals that no command stops at."""

    rows: tuple[Any, ...] = ()
    totals: Any = field(default_factory=lambda: SimpleNamespace(status="done", passed=True))
    footer: tuple[str, ...] = ()

    def table(self) -> Any:
        return replace(answer().table(), rows=answer().table().rows[: len(self.rows)], tree=False)

    def to_dict(self) -> Any:
        return answer().to_dict()


@cache
def answer() -> Any:
    return cost.params("resnet8")


def recorder(name: str, kind: str, calls: list[str]) -> Callable[..., Any]:
    made: dict[str, Callable[[], Any]] = {
        "rows": lambda: Rows(tuple(answer().rows)),
        "picture": lambda: Picture(lambda suffix: suffix.encode()),
        "page": lambda: Report("t", "<html>"),
        "words": lambda: "words",
        "nothing": lambda: "",
        "scan": lambda: scan_result([ScanRow(model=f"m{n}", params=n, macs=n) for n in (1, 2, 3)]),
    }

    def record(*values: Any, **keywords: Any) -> Any:
        for unequal in ("stop", "progress", "command"):  # functions, and the line itself
            keywords.pop(unequal, None)
        calls.append(f"{name} {[*map(described, values)]} {sorted_text(keywords)}")
        return made[kind]()

    return record


def noted(verb: Callable[..., Any], calls: list[str]) -> Callable[..., Any]:
    def note(*values: Any, **keywords: Any) -> Any:
        calls.append(f"{verb.__name__} {[*map(described, values)]} {sorted_text(keywords)}")
        return verb(*values, **keywords)

    return note


def remembered(verb: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[str, Any] = {}

    def remember(model: Model, **keywords: Any) -> Any:
        key = f"{described(model)} {keywords}"
        if key not in known:
            known[key] = verb(model, **keywords)
        return known[key]

    return remember


def described(value: Any) -> str:
    if isinstance(value, Known):
        return value.key
    return type(value).__name__ if isinstance(value, Rows | tuple) else str(value)


def sorted_text(keywords: dict[str, Any]) -> str:
    return json.dumps({name: str(value) for name, value in sorted(keywords.items())})
