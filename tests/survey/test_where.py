"""Conditions on columns: what they choose, and that nothing else than a condition gets in."""

import pytest

from archlab.errors import OptionError
from archlab.survey.where import condition

ROWS = [
    {"model": "resnet18", "macs": 1.8e9, "rf": 435.0, "training": 4},
    {"model": "vit", "macs": 17e9, "rf": None, "training": None},
    {"model": "resnet20", "macs": 4e7, "rf": 81.0, "training": 1},
]


def chosen(text: str) -> list[str]:
    holds = condition(text, ROWS[0])
    return [row["model"] for row in ROWS if holds(row)]


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("macs < 1e9", ["resnet20"]),
        ("macs < 2e9 and rf > 200", ["resnet18"]),
        ("macs < 1e9 or rf > 200", ["resnet18", "resnet20"]),
        ("1e9 <= macs < 2e9", ["resnet18"]),
        ("'res' in model", ["resnet18", "resnet20"]),
        ("'res' not in model", ["vit"]),
        ("model in ('vit', 'resnet20')", ["vit", "resnet20"]),
        ("model == 'vit'", ["vit"]),
        ("not macs > 1e9", ["resnet20"]),
        ("macs / 1e6 - 30 == 10", ["resnet20"]),
        ("-macs < -1e10", ["vit"]),
        ("macs + rf * 2 > 1.8e9", ["resnet18"]),
        # SQL's rule: a comparison with a missing number is unknown, and so is its negation
        ("rf > 0", ["resnet18", "resnet20"]),
        ("not rf > 0", []),
        ("rf > 0 or model == 'vit'", ["resnet18", "vit", "resnet20"]),
        ("rf > 0 and model == 'vit'", []),
        ("not (rf > 0 and macs < 0)", ["resnet18", "vit", "resnet20"]),
        ("training == None", ["vit"]),
        ("training != None", ["resnet18", "resnet20"]),
        ("macs / 0 > 1", []),
        ("True", ["resnet18", "vit", "resnet20"]),
    ],
)
def test_what_is_chosen(text, models) -> None:
    assert chosen(text) == models


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mac < 1e9", "there is no column 'mac'. Did you mean macs"),
        ("macs < 5M", "is no condition"),
        ("macs <", "is no condition"),
        ("", "is no condition"),
        ("macs", "neither true nor false"),
        ("macs and rf", "neither true nor false"),
        ("not rf", "neither true nor false"),
        ("model < 3", "mixes texts and numbers"),
        ("macs ** 2 > 1", "'macs \\*\\* 2' is not allowed|macs \\*\\* 2 is not allowed"),
        ("__import__('os').system('true')", "is not allowed"),
        ("model.upper() == 'VIT'", "is not allowed"),
        ("macs.real > 1", "is not allowed"),
        ("[x for x in (1,)]", "is not allowed"),
        ("(lambda: 1)() == 1", "is not allowed"),
        ("f'{macs}' == ''", "is not allowed"),
        ("macs is None", "is not allowed"),
        ("~macs == 1", "is not allowed"),
        ("macs == 1j", "is not allowed"),
        ("(" * 300 + "macs" + ")" * 300, "is no condition"),
        ("not " * 60 + "macs > 1", "more than 50 parts inside each other"),
        ("macs > 1 or " * 400 + "rf > 1", "2,000 are the most"),
    ],
)
def test_what_is_refused(text, message) -> None:
    if text == "macs":  # alone it is a number, which only a row tells
        with pytest.raises(OptionError, match="where=") as caught:
            assert not chosen("macs and True")
        assert message in str(caught.value)
        return
    with pytest.raises(OptionError, match=message):
        chosen(text)


@pytest.mark.parametrize(
    "text",
    ["'a' * 9999999999 < model", "model + 'x' == 'x'", "(1, 2) * 9999999999 == macs", "-model"],
)
def test_only_numbers_are_computed_with(text) -> None:
    with pytest.raises(OptionError, match=r"only numbers are computed with|neither true"):
        chosen(f"({text}) == 1")


def test_a_number_beyond_all_floats_is_not_known() -> None:
    assert not chosen(f"{'9' * 400} / 7 > 1")
    assert chosen(f"{'9' * 400} > macs")
