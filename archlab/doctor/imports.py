"""Tries imports in a child process, since a broken package can end Python itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_MARK = "archlab-doctor "  # begins each line of ours: what is imported may print, too
_CHILD = f"""
import gc, importlib, json, sys, warnings
gc.disable()  # a second less
warnings.simplefilter("ignore")
def report(*facts):
    print("\\n{_MARK}" + json.dumps(facts), flush=True)
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        report("import", name, "")
        if name == "torch":
            cuda = module.cuda
            devices = range(cuda.device_count()) if cuda.is_available() else ()
            report("gpu", module.version.cuda or "", [cuda.get_device_name(i) for i in devices])
    except BaseException as error:
        report("import", name, f"{{type(error).__name__}}: {{error}}")
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of imports: the error of each module, and the devices that torch sees."""

    errors: dict[str, str]  # empty where there was none
    cuda: str  # the version that torch is built for, empty without one
    gpus: tuple[str, ...]


def imported(names: Sequence[str]) -> Imported:
    """Import the modules one after the other in a child process, and return what came of it.

    Example:
        >>> imported(["json", "no_such_module"]).errors
        {'json': '', 'no_such_module': "ModuleNotFoundError: No module named 'no_such_module'"}
    """
    errors: dict[str, str] = {}
    cuda, gpus = "", ()
    pending = list(names)
    while pending:
        # -P: a file of the current folder must not be taken for a package.
        command = [sys.executable, "-P", "-c", _CHILD, *pending]
        process = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  names of our own metadata
        lines = [line for line in process.stdout.splitlines() if line.startswith(_MARK)]
        for kind, first, second in (json.loads(line.removeprefix(_MARK)) for line in lines):
            if kind == "import":
                errors[first] = " ".join(second.split())
            else:
                cuda, gpus = first, tuple(second)
        pending = [name for name in pending if name not in errors]
        if pending:  # the import of the first one without a report ended the child
            errors[pending.pop(0)] = f"its import ends Python with code {process.returncode}"
    return Imported({name: errors[name] for name in names}, cuda, gpus)
