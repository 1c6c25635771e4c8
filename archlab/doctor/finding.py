"""The record of one thing that the doctor looks for, and the commands that repair it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass

from archlab.result import Column

PYTHON = shlex.quote(sys.executable)
PIP = f"{PYTHON} -m pip install"
AGAIN = f"{PIP} --force-reinstall --no-deps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor looks for.

    Attributes:
        part: python, package, gpu, drawing, font, images or machine.
        name: what is looked for.
        state: ok, missing, too old or broken.
        found: its version or place, or how it fails.
        required: whether archlab is broken without it.
        enables: what archlab uses it for.
        get: the command that installs or repairs it.
    """

    part: str
    name: str
    state: str
    found: str
    required: bool = False
    enables: str = ""
    get: str = ""

    def sentence(self) -> str:
        """Return what is wrong, what it affects and what to do, for the foot of the table."""
        need = "required" if self.required else "optional"
        return f"{self.name}: {self.state}, {need}; for {self.enables}. Get it: {self.get}"


COLUMNS = (
    Column("part", "part"),
    Column("name", "name"),
    Column("state", "state"),
    Column("found", "found"),
)
