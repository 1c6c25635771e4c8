"""A job that fails is an outcome with a reason."""

import pytest

from archlab.engine import Job
from archlab.engine.job import perform


@pytest.mark.parametrize(
    ("target", "arguments", "reason"),
    [
        ("errands:eat", ("x",), "TypeError: "),
        ("errands:empty_error", (), "RuntimeError: no message"),
        ("archlab.engine.script:run_script", (["x"], "nowhere"), "EngineError: No folder nowhere"),
        ("sys:exit", (3,), "the code asked to end the process (SystemExit: 3)"),
    ],
)
def test_reasons(target, arguments, reason) -> None:
    assert perform(Job("a", target, arguments)).reason.startswith(reason)
