"""What a user's type checker sees: a script that `nox -s types` checks with the package."""

import importlib.util
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "user_script.py"


def test_the_script_is_checked_with_the_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"]
    assert settings["files"] == ["archlab", str(SCRIPT.relative_to(ROOT))]
    assert (ROOT / "archlab" / "py.typed").is_file()  # without it, users' checkers skip archlab


def test_the_script_runs(tmp_path) -> None:
    spec = importlib.util.spec_from_file_location("user_script", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    macs, training = module.numbers(tmp_path)
    assert macs == 36 * 4 * 27  # 6 × 6 places, 4 channels out, 3 × 3 × 3 weights
    assert training > 0
    assert (tmp_path / "net.svg").is_file()
