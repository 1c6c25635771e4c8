"""The command line as a process: how it starts, what it imports, how it ends in a pipe."""

import os
import signal
import subprocess
import sys

import pytest


def run(*line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *line],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        check=False,
    )


def test_python_m_archlab() -> None:
    done = run("-m", "archlab", "params", "resnet20", "--depth", "0")
    assert (done.returncode, done.stderr) == (0, "")
    assert "269,722" in done.stdout


def test_bad_input_ends_with_2_and_one_line() -> None:
    done = run("-m", "archlab", "params", "resnet20", "--format", "jsn")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "archlab: --format jsn is unknown. Did you mean json? Allowed: tree, table, csv, json, md."
    ]


def test_debug_prints_the_traceback() -> None:
    done = run("-m", "archlab", "params", "resnet20", "--format", "jsn", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "OptionError" in done.stderr


@pytest.mark.parametrize(
    "line", ["import archlab", "import archlab.cli", "import archlab.analyze, archlab.view"]
)
def test_torch_is_not_imported(line) -> None:
    done = run("-c", f"{line}; import sys; print([m for m in sys.modules if m == 'torch'])")
    assert done.stdout == "[]\n", done.stderr


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; sys.argv = ['archlab', 'flops', '--help']\n"
        "import archlab.cli\n"
        "try:\n    archlab.cli.main()\n"
        "except SystemExit:\n    print('torch' in sys.modules)"
    )
    assert run("-c", code).stdout.endswith("False\n")


def test_a_terminal_without_unicode() -> None:
    done = run("-m", "archlab", "bottleneck", "--in", "8", "--out", "8", "--reduce", "2",
               PYTHONIOENCODING="ascii")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "576" in done.stdout


@pytest.mark.parametrize(
    ("line", "unbuffered", "code"),
    [
        ("models", "", 141),
        ("models", "1", 141),
        ("params googlenet --format json", "", 141),  # more than a buffer holds
        ("check resnet20 --max-params 1", "", 141),  # never looks as if it had passed
        ("check resnet20 --max-params 1", "1", 141),
    ],
)
def test_a_reader_that_leaves_early(line, unbuffered, code) -> None:
    command = [sys.executable, "-m", "archlab", *line.split()]
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(command, **how, env=environment) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == code


def test_ctrl_c_at_the_very_end_shows_no_traceback(tmp_path) -> None:
    (tmp_path / "net.py").write_text(
        "import atexit, signal\nfrom torch.nn import ReLU\n"
        "atexit.register(signal.raise_signal, signal.SIGINT)\n"
    )
    done = run("-m", "archlab", "params", f"{tmp_path / 'net.py'}:ReLU", "-i", "2x8")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    assert "ReLU" in done.stdout


def test_an_interrupt_out_of_an_exec_ends_like_any_other(tmp_path) -> None:
    (tmp_path / "net.py").write_text("exec('raise KeyboardInterrupt')\n")
    done = run("-m", "archlab", "params", f"{tmp_path / 'net.py'}:Net")
    assert (done.returncode, done.stderr) == (130, "\narchlab: interrupted\n")


def complete(line: str, shell: str = "bash") -> list[str]:
    """What the shell would offer for the last word of a line."""
    words = line.split(" ")
    environment = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
    }
    done = run("-c", COMPLETING, _ARCHLAB_COMPLETE=f"complete_{shell}", **environment[shell])
    assert done.stderr == "torch: False\n"
    return done.stdout.split("\n")


COMPLETING = """
import sys
import archlab.cli
try:
    archlab.cli.main()
finally:
    print("torch:", "torch" in sys.modules, file=sys.stderr)
"""


def test_completion_of_commands_and_nets() -> None:
    assert {"params", "plain"} & set(complete("archlab p")) == {"params"}
    assert {"googlenet"} == {name for name in complete("archlab flops goo") if name}
    assert {"plain20", "plain1202"} <= set(complete("archlab gradients resnet20 plain"))
    assert [name for name in complete("archlab render path/to/n") if name] == []
    assert any("GoogLeNet, nine Inception blocks" in line
               for line in complete("archlab rf goo", "zsh"))  # fmt: skip


def test_the_script_for_a_shell() -> None:
    code = "import sys; sys.argv = ['archlab']; import archlab.cli; archlab.cli.main()"
    done = run("-c", code, _ARCHLAB_COMPLETE="source_bash")
    assert "complete -o default -F _archlab_completion archlab" in done.stdout
