"""One thing that the doctor looked for."""

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
    """One thing that the doctor looked for.

    Attributes:
        part: python, package, gpu, drawing, font, images or machine.
        name: of the thing.
        state: ok, missing, too old or broken.
        found: the version or the place, or how it fails.
        required: whether archlab is broken without it.
        enables: what it is for.
        get: the command that gets it.
    """

    part: str
    name: str
    state: str
    found: str
    required: bool = False
    enables: str = ""
    get: str = ""

    def sentence(self) -> str:
        """Return what is wrong, what for and what to do, for the foot of the table."""
        need = "required" if self.required else "optional"
        return f"{self.name}: {self.state}, {need}; for {self.enables}. Get it: {self.get}"


COLUMNS = (
    Column("part", "part"),
    Column("name", "name"),
    Column("state", "state"),
    Column("found", "found"),
)
