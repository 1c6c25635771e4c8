"""What the foot of the doctor's table says of one finding, and which Python its commands name."""

import shlex
import sys

import pytest

from archlab.doctor.finding import AGAIN, PIP, Finding


@pytest.mark.parametrize(("required", "need"), [(True, "required"), (False, "optional")])
def test_a_sentence_says_state_need_purpose_and_repair(required, need) -> None:
    finding = Finding(
        part="package", name="timm", state="too old", found="0.1", required=required,
        enables="timm:NAME models", get="pip install timm",
    )  # fmt: skip
    assert finding.sentence() == (
        f"timm: too old, {need}; for timm:NAME models. Get it: pip install timm"
    )


def test_commands_name_this_python_also_where_its_path_has_spaces() -> None:
    for command in (PIP, AGAIN):
        assert shlex.split(command)[:4] == [sys.executable, "-m", "pip", "install"]
