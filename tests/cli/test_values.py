"""A value that is no number, or not in its range, is refused in the same words everywhere."""

import pytest

from archlab.cli.app import COMMANDS, built

BAD = {
    "flops resnet20 --batch many": "--batch many: a whole number of 1 or more is wanted.",
    "flops resnet20 -b 0": "--batch 0: a whole number of 1 or more is wanted.",
    "flops resnet20 -b 2.5": "--batch 2.5: a whole number of 1 or more is wanted.",
    "flops resnet20 -b ''": "--batch '': a whole number of 1 or more is wanted.",
    "flops resnet20 --timeout soon": "--timeout soon: a number of 0.1 or more is wanted.",
    "scan --timeout 0": "--timeout 0: a number from 1 to 31,536,000 is wanted.",
    "bottleneck --in wide": "--in wide: a whole number is wanted.",
}


@pytest.mark.parametrize("line", BAD)
def test_the_message_names_option_value_and_what_is_allowed(cli, line) -> None:
    run = cli(line)
    assert (run.code, run.out, run.err) == (2, "", f"archlab: {BAD[line]}\n")


def test_other_mistakes_keep_the_words_of_the_parser(cli) -> None:
    run = cli("flops resnet20 --batch")
    assert run.code == 2
    assert "'--batch' requires an argument" in run.err


@pytest.mark.parametrize("name", COMMANDS)
def test_no_words_of_the_parsers_package_come_through(cli, name) -> None:
    """Every option of every command that takes a number, with text."""
    for param in built(name).params:
        wanted = built(name)._wanted(param.name) if param.name != "context" else None
        if wanted is not None:
            option = next(each for each in param.opts if each.startswith("--"))
            run = cli(f"{name} {option} text")
            assert (run.code, run.err) == (2, f"archlab: {option} text: {wanted}.\n")
