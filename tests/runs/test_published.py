"""Published errors beside ours: where they belong, and where they do not."""

from dataclasses import asdict, replace

import pytest

from archlab.runs.ledger import Run
from archlab.runs.published import beside, images_name, lines
from archlab.runs.recipe import RECIPES
from archlab.runs.record import Measurement, Outcome, Plan
from archlab.runs.verdict import judged


def run(kind: str, depth: int, error: float, seed: int = 1, recipe="paper", **plan: str) -> Run:
    given = {"data": "cifar10", "data_name": "CIFAR-10", "fingerprint": "0", **plan}
    made = Plan(
        model=f"{kind}{depth}", options={"num_classes": 10}, seed=seed, recipe=RECIPES[recipe],
        data_dir=".data", kind=kind, depth=depth, **given,
    )  # fmt: skip
    rows = tuple(
        Measurement(step, 1.0, 0.1, 0.5, error - 5, error - 6, error, 0.7, 50_000, 1.0)
        for step in (8, 9)
    )
    return Run(None, made, Outcome("done", 9, 9, error - 6, error - 5, error), rows)


@pytest.fixture
def sweep() -> list[Run]:
    errors = {("plain", 20): (9.7, 9.9), ("plain", 56): (13.0, 12.8),
              ("residual", 20): (8.6, 8.4), ("residual", 110): (6.5, 6.7)}  # fmt: skip
    return [run(*net, error, seed) for net, both in errors.items()
            for seed, error in enumerate(both, 1)]  # fmt: skip


def test_every_net_that_was_published_has_a_row(sweep) -> None:
    rows = {(row.kind, row.depth): row for row in beside([*sweep, run("plain", 32, 9.9)])}
    # He et al. 2015, table 6; the README of akamaster/pytorch_resnet_cifar10; no plain-32.
    assert list(rows) == [("plain", 20), ("plain", 56), ("residual", 20), ("residual", 110)]
    shallow = rows["residual", 20]
    assert (shallow.n, shallow.measured) == (2, pytest.approx(8.5))
    assert shallow.std == pytest.approx(0.02**0.5)
    assert (shallow.paper, shallow.akamaster, shallow.five_runs) == (8.75, 8.27, 8.51)
    assert shallow.difference == pytest.approx(8.5 - 8.75)
    assert shallow.reference == pytest.approx(8.75)
    plain = rows["plain", 56]
    assert (plain.paper, plain.five_runs, plain.five_runs_std) == (None, 12.95, 0.22)
    assert plain.difference == pytest.approx(12.9 - 12.95)
    assert rows["residual", 110].five_runs is None


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        ({}, "CIFAR-10"),
        ({"data": "/data/unpacked"}, "CIFAR-10"),  # the official archive in a folder
        ({"data": "/data/CIFAR-10.npz"}, None),  # a file of anybody's
        ({"data_name": "image folder CIFAR-10"}, None),
        ({"data_name": "CIFAR-100"}, None),
        ({"data_name": "image folder data", "fingerprint": "ae3bcfea9779"},
         "CIFAR-10, JPEG re-encoded"),
    ],
)  # fmt: skip
def test_only_the_images_of_cifar10_are_compared(plan, name) -> None:
    one = run("residual", 20, 8.5, **plan)
    assert images_name(one) == name
    assert len(beside([one])) == (name is not None)


def test_narrow_nets_and_runs_that_failed_are_not_compared(sweep) -> None:
    one = sweep[0]
    narrow = replace(
        one, plan=replace(one.plan, recipe=replace(one.plan.recipe, widths=(8, 16, 32)))
    )
    failed = replace(one, outcome=Outcome("failed"))
    assert beside([narrow, failed]) == ()
    assert lines((), [narrow]) == []


def test_the_lines_fit_a_terminal_and_name_recipe_and_images(sweep) -> None:
    text = lines(beside(sweep), sweep)
    assert max(map(len, text)) <= 80
    joined = "\n".join(text)
    assert "8.50 ± 0.14, n = 2" in joined
    assert "8.51 ± 0.22" in joined
    assert "−0.25" in joined
    assert "164 epochs" in joined
    assert "not expected to reach" not in joined
    other = [run("residual", 20, 15.0, recipe="fast", fingerprint="ae3bcfea9779", data_name="x")]
    joined = "\n".join(lines(beside(other), other))
    assert "this sweep's recipe is fast: it is not expected to reach them" in joined
    assert "JPEG re-encoded; errors may differ" in joined
    assert max(map(len, joined.splitlines())) <= 80


def test_the_verdict_has_them_for_people_and_machines(sweep) -> None:
    result = judged(sweep)
    assert "akamaster" in str(result)
    published = result.to_dict()["published"]
    assert published["recipe"] == "paper"
    assert published["images"] == "CIFAR-10"
    assert published["rows"] == [asdict(row) for row in beside(sweep)]
    assert str(result).splitlines()[-1].startswith("verdict: ")
