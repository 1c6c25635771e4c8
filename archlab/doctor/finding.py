"""The record of one thing that the doctor looks for, and the commands that repair it."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from typing import Annotated

# Commands name this Python by its path: `pip` alone may belong to another one.
PYTHON = shlex.quote(sys.executable)
PIP = f"{PYTHON} -m pip install"
# For a package that is there but broken. What it depends on is left alone: pip would otherwise
# download all of it again, torch included.
AGAIN = f"{PIP} --force-reinstall --no-deps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that the doctor looks for."""

    part: Annotated[str, "part"]  # python, package, gpu, drawing, font, images or machine
    name: Annotated[str, "name"]
    state: Annotated[str, "state"]  # ok, missing, too old or broken
    found: Annotated[str, "found"]  # its version or place, or how it fails
    required: bool = False
    enables: str = ""  # what archlab uses it for
    get: str = ""  # the command that installs or repairs it

    def sentence(self) -> str:
        """Return what is wrong, what it affects and what to do, for the foot of the table."""
        need = "required" if self.required else "optional"
        return f"{self.name}: {self.state}, {need}; for {self.enables}. Get it: {self.get}"
