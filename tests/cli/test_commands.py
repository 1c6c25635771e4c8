"""Every command with right input: what it prints, its formats, its exit code."""

import csv
import inspect
import io
import json
import re

import pytest

import archlab
from archlab import zoo
from archlab.cli.app import COMMANDS, MAP, function_of
from archlab.view import FORMATS

# One line for each command that answers with a result.
LINES = {
    "params": "params resnet20",
    "flops": "flops resnet20",
    "flops by kind": "flops resnet20 --by kind",
    "flops, train": "flops resnet20 --mode train",
    "flops, fvcore": "flops resnet20 --convention fvcore",
    "memory": "memory resnet20",
    "shapes": "shapes resnet20",
    "summary": "summary resnet20",
    "bottleneck, sum": "bottleneck --in 192 --out 32 --kernel 3 --reduce 32",
    "bottleneck, model": "bottleneck googlenet",
    "check": "check resnet20 --max-params 1M",
    "rf": "rf resnet20",
    "rf, unproductive": "rf plain20 --unproductive",
    "rf, verify": "rf resnet20 --verify",
    "rf, effective": "rf resnet20 --effective --layer layer1",
    "gradients": "gradients resnet8 --seeds 1 --batch 4",
    "gradients, twin": "gradients resnet8 --twin --by layer --seeds 2 --batch 4",
    "responses": "responses resnet8 --seeds 1 --batch 4",
    "identity": "identity resnet8 --seeds 1 --batch 4",
    "shattered": "shattered --depths 2,20 --seeds 2 --width 20",
    "against": "flops nets.py:Net --against fvcore",
}
SIDE_BY_SIDE = {
    "compare": "compare resnet20 plain20",
    "modes": "flops googlenet --mode both --batch 2",
}
# Commands that train, or read what was trained: tests/cli/commands/train has their lines.
TRAINING = {"degradation", "verdict", "curves", "train", "test", "finetune", "export"}
ELSEWHERE = {"models", "render", "report", "doctor", "scan"}  # test_render, test_report …
NAMED = {line.split()[0] for line in (*LINES.values(), *SIDE_BY_SIDE.values())}
# A command that has no line here is run as the example of its help runs it.
LINES |= {
    name: re.search(r"Example: archlab (.+)", inspect.getdoc(function_of(name)))[1]
    for name in COMMANDS
    if name not in NAMED | ELSEWHERE | TRAINING
}
HEAD = ["schema", "model", "input", "mode", "conventions", "build", "status", "missing", "totals"]


def test_every_line_is_of_a_command() -> None:
    lines = (*LINES.values(), *SIDE_BY_SIDE.values())
    assert {line.split()[0] for line in lines} == set(COMMANDS) - ELSEWHERE - TRAINING


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize("name", [*LINES, *SIDE_BY_SIDE])
def test_formats(cli, name, style) -> None:
    run = cli(f"{ {**LINES, **SIDE_BY_SIDE}[name] } --format {style}")
    assert (run.code, run.err) == (0, "")
    if style == "json":
        json.loads(run.out)
    elif style == "csv":
        rows = list(csv.DictReader(io.StringIO(run.out)))
        assert rows
        assert all("path" in row for row in rows)


@pytest.mark.parametrize("name", LINES)
def test_json_keys(cli, name) -> None:
    document = json.loads(cli(f"{LINES[name]} -f json").out)
    assert list(document)[: len(HEAD)] == HEAD
    assert list(document)[-1] == "rows"
    assert re.fullmatch(r"archlab\.[a-z_]+/1", document["schema"])
    assert isinstance(document["model"], str)
    assert isinstance(document["conventions"], list)
    assert document["status"] == "complete"
    assert document["missing"] == []
    assert all(isinstance(row["path"], str) for row in document["rows"])


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_json_keys_of_several_models(cli, name) -> None:
    document = json.loads(cli(f"{SIDE_BY_SIDE[name]} -f json").out)
    assert list(document) == [*HEAD, "output", "differences", "rows"]
    assert len(document["model"]) == len(document["mode"]) == len(document["rows"]) == 2
    assert {"path", "params", "macs", "flops", "inference_peak", "training"} <= set(
        document["rows"][0]
    )


@pytest.mark.parametrize(
    ("line", "totals"),
    [
        ("params resnet20", {"params": 269_722, "trainable": 269_722, "frozen": 0}),
        ("params torchvision:resnet18", {"params": 11_689_512, "buffers": 9_620}),
        ("flops torchvision:resnet18", {"macs": 1_814_073_344, "flops": 3_628_146_688,
                                        "params": 11_689_512}),
        ("memory torchvision:resnet18", {"parameters": 46_758_048, "inference_peak": 6_422_528}),
        ("bottleneck --in 192 --out 32 --kernel 3 --reduce 32",
         {"direct": 55_296, "reduced": 15_360}),
    ],
)  # fmt: skip
def test_totals(cli, line, totals) -> None:
    document = json.loads(cli(f"{line} -f json").out)
    assert totals.items() <= document["totals"].items()


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("params", ["params", "trainable", "frozen", "buffers"]),
        ("flops", ["macs", "flops", "other_flops", "params"]),
        ("memory", ["parameters", "inference_peak", "saved_for_backward", "training"]),
    ],
)
def test_names_are_the_same_in_json_csv_and_the_api(cli, command, names) -> None:
    document = json.loads(cli(f"{command} resnet20 -f json").out)
    assert set(names) <= set(document["totals"])
    result = getattr(archlab, command)("resnet20")
    assert {name: getattr(result, name) for name in names} == {
        name: document["totals"][name] for name in names
    }
    header = cli(f"{command} resnet20 -f csv").out.splitlines()[0].split(",")
    assert header == list(document["rows"][0])


def test_the_header_says_what_the_numbers_hold_for(cli) -> None:
    out = cli("params torchvision:regnet_x_400mf --depth 0").out
    assert out.startswith("torchvision:regnet_x_400mf · input 1x3x224x224 float32 · eval mode · ")
    assert "then moved to meta" in out
    assert "MACs = multiply-adds" in out
    assert "params 5,495,976 (5.496 M)" in out
    assert "MACs 413,812,608" in out


def test_the_chapters_sum_with_its_formula(cli) -> None:
    out = cli("bottleneck --in 192 --out 32 --kernel 3 --reduce 32").out
    assert "3×3×192×32" in out
    assert "55,296" in out
    assert "1×1×192×32 + 3×3×32×32" in out
    assert "15,360" in out


def test_factorizations_on_the_command_line(cli) -> None:
    v2 = json.loads(cli("bottleneck --in 64 --out 64 --kernel 5 --factor v2 -f json").out)
    v3 = json.loads(cli("bottleneck --in 64 --out 64 --kernel 7 --factor v3 -f json").out)
    assert (v2["totals"]["direct"], v2["totals"]["reduced"]) == (25 * 4096, 18 * 4096)
    assert (v3["totals"]["direct"], v3["totals"]["reduced"]) == (49 * 4096, 14 * 4096)


def test_where_a_bare_name_was_found_goes_to_standard_error(cli) -> None:
    run = cli("params mobilenet_v2 --depth 0 -f json")
    assert run.err == (
        "archlab: mobilenet_v2 is not in the zoo: taken from torchvision:mobilenet_v2\n"
    )
    assert json.loads(run.out)["totals"]["params"] == 3_504_872


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ("--set norm=none --set aux=false", 6_998_552),
        ("--set norm=none", 13_378_280),
    ],
)
def test_constructor_arguments_reach_the_zoo(cli, options, params) -> None:
    run = cli(f"params googlenet {options} -f json")
    assert json.loads(run.out)["totals"]["params"] == params


def test_typed_constructor_arguments(cli) -> None:
    line = "params nets.py:Wide -s widths=(2,3) -s rate=0.1 -f json"
    assert json.loads(cli(line).out)["totals"]["params"] == 5 * 28 + 60
    line = "params nets.py:Net -s width=2 -s bias=false -f json"
    assert json.loads(cli(line).out)["totals"]["params"] == 2 * 27 + 30


def test_names_of_our_own_arguments_are_free_for_constructors(cli) -> None:
    """`--set batch=…` belongs to the model, whatever `load` calls its arguments."""
    for name in ("spec", "batch", "input", "mode", "options"):
        run = cli(f"params nets.py:Net --set {name}=3")
        assert (run.code, f"takes no argument '{name}'" in run.err) == (2, True)


def test_inputs_on_the_command_line(cli) -> None:
    for line, text in (
        ("nets.py:Net -i 3x8x8", "1x3x8x8 float32"),
        ("nets.py:Net -i 3x8x8 -b 4", "4x3x8x8 float32"),
        ("nets.py:KeywordOnly -i ids=2x7:int64 -i mask=2x7", "ids=2x7 int64, mask=2x7 float32"),
        ("nets.py:TwoInputs -i 2x8 -i 2x6", "x=2x8 float32, y=2x6 float32"),
        ("nets.py:Recurrent -i [3x5x8]", "3x5x8 float32"),
    ):
        assert json.loads(cli(f"shapes {line} -f json").out)["input"] == text


def test_depth_and_sort(cli) -> None:
    rows = json.loads(cli("params resnet20 --depth 1 --sort params -f json").out)["rows"]
    assert [row["path"] for row in rows][:4] == ["", "layer3", "layer2", "layer1"]
    assert "9 of 74 rows: --depth 3 shows all" in cli("params resnet20 --depth 1").out
    assert len(cli("params resnet20 --depth 3 --format table").out.splitlines()) >= 74


def test_optimizers(cli) -> None:
    state = {}
    for optimizer in ("sgd", "momentum", "adam"):
        line = f"memory resnet20 --optimizer {optimizer} -f json"
        state[optimizer] = json.loads(cli(line).out)["totals"]["optimizer_state"]
    assert state == {"sgd": 0, "momentum": 269_722 * 4, "adam": 269_722 * 8}


def test_flops_in_both_modes(cli) -> None:
    rows = json.loads(cli("flops googlenet --mode both -b 2 -f json").out)["rows"]
    assert [row["path"] for row in rows] == ["googlenet (eval)", "googlenet (train)"]
    assert rows[0]["macs"] < rows[1]["macs"]


@pytest.mark.usefixtures("no_values")
def test_against_fvcore_explains(cli) -> None:
    out = cli("flops torchvision:vit_b_16 --against fvcore").out
    assert "fvcore skips" in out
    assert "attention ×12" in out
    assert "17,563,828,224" in out
    assert "norms" in cli("flops torchvision:resnet50 --against fvcore").out


def test_fvcore_convention(cli) -> None:
    """timm publishes 4.11 GMACs for resnet50, counted with fvcore."""
    line = "flops torchvision:resnet50 --convention fvcore -f json"
    assert round(json.loads(cli(line).out)["totals"]["macs"] / 1e9, 2) == 4.11


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        ("--max-params 270K", 0, "within budget"),
        ("--max-params 269722 --max-macs 41M --max-flops 82M --max-peak 1MiB", 0, "within budget"),
        ("--max-params 269721", 1, "1 of 1 limits not held"),
        ("--max-params 1M --max-macs 40M", 1, "1 of 2 limits not held"),
        ("--max-training 1KiB", 1, "OVER by"),
    ],
)
def test_check(cli, options, code, text) -> None:
    run = cli(f"check resnet20 {options}")
    assert (run.code, run.err) == (code, "")
    assert text in run.out


def test_check_does_not_pass_what_is_not_counted(cli) -> None:
    run = cli("check nets.py:Spectrum --max-macs 1G")
    assert run.code == 1
    assert "not certain" in run.out
    assert cli("check nets.py:Spectrum --max-params 1K").code == 0


@pytest.mark.parametrize("options", ["", "--mode train", "--mode both", "--against fvcore"])
def test_strict(cli, options) -> None:
    loose = cli(f"flops nets.py:Spectrum {options}")
    strict = cli(f"flops nets.py:Spectrum {options} --strict")
    assert (loose.code, strict.code) == (0, 1)
    assert "not counted: aten._fft_r2c" in strict.out
    assert cli(f"flops nets.py:Net {options} --strict").code == 0


def test_coverage_line(cli) -> None:
    assert "70 of 70 compute ops counted" in cli("flops resnet20").out
    assert (
        "1 of 2 compute ops counted; not counted: _fft_r2c ×1" in cli("flops nets.py:Spectrum").out
    )


def test_models(cli) -> None:
    zoo = cli("models").out
    assert re.search(r"^googlenet +GoogLeNet", zoo, re.MULTILINE)
    assert re.search(r"^resnet1202 ", zoo, re.MULTILINE)
    assert cli("models 'plain*'").out.splitlines()[0].startswith("plain18")
    assert "resnet50" in cli("models --source torchvision 'resnet*'").out.split()
    assert "convnext_tiny" in cli("models --source timm 'convnext_t*'").out.split()


def test_models_for_machines(cli, tmp_path) -> None:
    document = json.loads(cli("models -f json").out)
    assert document["schema"] == "archlab.models/1"
    assert [row["name"] for row in document["rows"]] == list(zoo.names())
    assert list(document["rows"][0]) == ["name", "source", "summary", "paper"]
    papers = {row["name"]: row["paper"] for row in document["rows"]}
    assert "1409.4842" in papers["googlenet"]
    assert "1512.03385" in papers["resnet56"]
    rows = list(csv.DictReader(io.StringIO(cli("models 'plain*' --format csv").out)))
    assert [row["name"] for row in rows] == [name for name in zoo.names() if name[0] == "p"]
    assert cli("models --source timm 'convnext_t*' -f md").out.startswith("\n\n| name |")
    assert cli("models --out zoo.csv").err == "wrote zoo.csv\n"
    assert (tmp_path / "zoo.csv").read_text().startswith("name,source,summary,paper\ngooglenet,zoo")


def test_zoo_models_print_one_line_each(cli) -> None:
    lines = cli("models 'resnet*'").out.splitlines()
    assert len(lines) == len({line.split()[0] for line in lines}) == 11


def test_version(cli) -> None:
    assert cli("--version").out == f"archlab {archlab.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example_that_names_the_command(cli, command) -> None:
    for flag in ("--help", "-h"):
        run = cli(f"{command} {flag}")
        assert (run.code, run.err) == (0, "")
        assert f"Example: archlab {command} " in " ".join(run.out.split())


@pytest.mark.usefixtures("one_process")
@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in TRAINING])
def test_the_example_of_the_help_works(cli, command) -> None:
    text = " ".join(function_of(command).__doc__.split("Example: archlab ")[1].split())
    assert cli(text).code in ((0, 1) if command == "check" else (0,))


def test_the_main_help_lists_every_command(cli) -> None:
    out = cli("--help").out
    assert all(re.search(rf"^  {command} ", out, re.MULTILINE) for command in COMMANDS)
    assert "its code runs" in " ".join(out.split())


def test_the_main_help_is_a_map(cli) -> None:
    """One line a command, under its heading, whole."""
    out = cli("--help").out
    places = [out.index(f"\n{heading}:\n") for heading in MAP]
    assert places == sorted(places)
    for heading, commands in MAP.items():
        section = out.split(f"\n{heading}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == list(commands)
    assert "..." not in out.partition("Options:")[2]
    assert len(COMMANDS) == sum(map(len, MAP.values()))
