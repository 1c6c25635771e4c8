"""Which packages can be imported, tried in a child process: an import may end Python itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_MARK = "archlab-doctor "
_CHILD = f"""
import importlib, json, sys, warnings
warnings.simplefilter("ignore")
def tell(*what):
    print("\\n{_MARK}" + json.dumps(what), flush=True)
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        tell("import", name, "")
        if name == "torch":
            seen = range(module.cuda.device_count()) if module.cuda.is_available() else ()
            tell("gpu", module.version.cuda or "", [module.cuda.get_device_name(i) for i in seen])
    except BaseException as error:
        tell("import", name, f"{{type(error).__name__}}: {{error}}")
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """How imports went.

    Attributes:
        errors: by module, how its import failed; empty where it did not.
        cuda: the CUDA version that torch is built for, empty without one.
        gpus: the names of the devices that torch sees.
    """

    errors: dict[str, str]
    cuda: str
    gpus: tuple[str, ...]


def imported(names: Sequence[str]) -> Imported:
    """Return how the imports of the modules go, one after the other.

    Example:
        >>> imported(["json", "no_such_module"]).errors
        {'json': '', 'no_such_module': "ModuleNotFoundError: No module named 'no_such_module'"}
    """
    errors: dict[str, str] = {}
    cuda, gpus = "", ()
    left = list(names)
    while left:
        # -P: a file of the current folder must not stand in for a package.
        command = [sys.executable, "-P", "-c", _CHILD, *left]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith(_MARK)]
        for kind, first, second in (json.loads(line.removeprefix(_MARK)) for line in lines):
            if kind == "import":
                errors[first] = " ".join(second.split())
            else:
                cuda, gpus = first, tuple(second)
        left = [name for name in left if name not in errors]
        if left:  # the child died of the first one that it did not tell of
            errors[left.pop(0)] = f"its import ends Python with code {done.returncode}"
    return Imported({name: errors[name] for name in names}, cuda, gpus)
