"""Imports are tried in a child process, which looks for packages alone."""

import subprocess
import sys

from archlab.doctor.imports import imported


def test_a_file_called_torch_in_the_current_folder_is_no_torch(tmp_path, monkeypatch) -> None:
    (tmp_path / "json5.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert "ModuleNotFoundError" in imported(["json5"]).errors["json5"]


def test_doctor_itself_imports_nothing_heavy() -> None:
    code = (
        "import sys, archlab.doctor, archlab.cli\n"
        "print([m for m in ('torch', 'numpy', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
