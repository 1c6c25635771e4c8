"""What users bring: odd outputs, inputs, dtypes, wrappers: answered, or said clearly."""

import json

import pytest

NET = 3 * 9 * 8 + 8 + 8 * 10 + 10  # parameters of nets.py:Net
MACS = 36 * 8 * 27 + 80  # at 3x8x8: a map of 6 × 6


@pytest.mark.parametrize(
    "member",
    ["Net", "ReturnsDict", "ReturnsTuple", "ReturnsDataclass", "ReturnsNumber", "ChannelsLast",
     "Declares", "on_meta", "parallel", "Frozen"],
)  # fmt: skip
@pytest.mark.parametrize("command", ["params", "flops", "memory", "shapes", "summary"])
def test_whatever_the_forward_returns(cli, member, command) -> None:
    run = cli(f"{command} nets.py:{member} -i 3x8x8 -f json")
    assert run.code == 0, run.err
    totals = json.loads(run.out)["totals"]
    assert totals.get("params", NET) == NET
    assert totals.get("macs", MACS) == MACS
    assert totals.get("parameters", 4 * NET) == 4 * NET


def test_half_precision(cli) -> None:
    totals = json.loads(cli("memory nets.py:Half -f json").out)["totals"]
    assert totals["parameters"] == 2 * NET


def test_frozen_layers(cli) -> None:
    out = cli("params nets.py:Frozen").out
    assert "90 trainable, 224 frozen" in out
    totals = json.loads(cli("memory nets.py:Frozen -f json").out)["totals"]
    assert totals["gradients"] == 4 * 90


@pytest.mark.parametrize("member", ["Passes", "NoParameters"])
@pytest.mark.parametrize("command", ["params", "flops", "memory", "shapes", "summary"])
def test_models_without_parameters(cli, member, command) -> None:
    run = cli(f"{command} nets.py:{member} -i 3x8x8 -f json")
    assert run.code == 0
    totals = json.loads(run.out)["totals"]
    assert (totals.get("params", 0), totals.get("macs", 0)) == (0, 0)


def test_integer_input(cli) -> None:
    totals = json.loads(cli("flops nets.py:Tokens -i 2x7:int64 -f json").out)["totals"]
    assert totals["macs"] == 2 * 7 * 16 * 4


def test_data_dependent_branches_say_so(cli) -> None:
    document = json.loads(cli("flops nets.py:Branches -f json").out)
    assert document["totals"]["macs"] == 8 * 4
    assert "holds for this input only" in document["build"]


def test_memory_of_a_model_that_cannot_be_trained_at_this_batch(cli) -> None:
    run = cli("memory googlenet --set layout=cifar -f json")
    document = json.loads(run.out)
    assert (run.code, document["status"]) == (0, "partial")
    assert document["totals"]["training"] is None
    assert document["totals"]["inference_peak"] > 0
    assert "--batch 2" in document["missing"][0]["why"]


def test_the_same_file_twice_in_one_comparison(cli) -> None:
    document = json.loads(cli("compare nets.py:Net nets.py:factory -i 3x8x8 -f json").out)
    assert [row["params"] for row in document["rows"]] == [NET, 4 * 28 + 50]
