"""Bad input: one clear message on standard error, exit 2, no traceback, nothing half-written."""

import os
import sys
import warnings

import pytest

import archlab.files
from archlab.api import cost as api
from archlab.errors import OutputError

BAD = {
    # unknown models and options
    "unknown model": ("params googlnet", "No model is called 'googlnet'. Did you mean googlenet?"),
    "unknown torchvision": ("params torchvision:resnet51", "Did you mean resnet50"),
    "unknown timm": ("params timm:convnext_tny", "Did you mean convnext_tiny"),
    "depth of no net": ("params resnet19", "6n + 2"),
    "no model at all": ("params ''", "is not a model. Allowed:"),
    "unknown command": ("parms resnet18", "Did you mean 'params'?"),
    "unknown flag": ("params resnet18 --dept 3", "--dept"),
    "unknown format": ("params resnet20 -f jsn", "Did you mean json?"),
    "unknown mode": ("params resnet20 --mode trian", "Did you mean train?"),
    "unknown grouping": ("flops resnet20 --by kinds", "Did you mean kind?"),
    "unknown convention": ("flops resnet20 --convention fvcor", "Did you mean fvcore?"),
    "unknown tool": ("flops resnet20 --against thop", "Allowed: fvcore."),
    "unknown optimizer": ("memory resnet20 --optimizer adma", "Did you mean adam?"),
    "unknown column": ("params resnet20 --sort parms", "Did you mean params?"),
    "unknown source": ("models --source tim", "Did you mean timm?"),
    "unknown format of a list": ("models -f jsn", "Did you mean json?"),
    "format of no list": ("doctor -o table.xlsx", "names no format"),
    "no match": ("models 'zzz*'", "zoo has no model that matches 'zzz*'"),
    # inputs
    "wrong channels": ("flops resnet18 -i 5x32x32", "failed in conv1 (Conv2d)"),
    "wrong rank": ("flops resnet18 -i 3x8", "It received 3x8."),
    "wrong size": ("flops nets.py:TwoInputs -i 2x8 -i 2x5", "failed in b (Linear)"),
    "too small": ("flops torchvision:vgg16 -i 3x8x8", "features."),
    "no size": ("flops resnet18 -i 3x0x8", "is not a shape"),
    "unknown dtype": ("flops resnet18 -i 3x8x8:floaty", "unknown dtype 'floaty'"),
    "floats for tokens": ("flops nets.py:Tokens -i 2x7", "embed (Embedding)"),
    "missing input": ("flops nets.py:TwoInputs", "missing 1 required positional argument: 'y'"),
    "batch twice": ("flops resnet18 -i 2x3x32x32 -b 4", "The batch is given twice"),
    "batch of none": ("flops resnet18 -b 0", "--batch 0: a whole number of 1 or more is wanted."),
    "batch of text": ("flops resnet18 -b many", "archlab: --batch many: a whole number of 1"),
    "says nothing of its input": ("flops nets.py:Passes", "Give one with --input"),
    "norm of one value": ("flops googlenet --set layout=cifar --mode train", "try --batch 2"),
    # files and constructors
    "no such file": ("params net.py:Net", "There is no file 'net.py'"),
    "no class named": ("params nets.py", "Write nets.py:ClassName"),
    "no such class": ("params nets.py:Nett", "Did you mean Net?"),
    "no such package": ("params nopackage.nets:Net", "There is no module 'nopackage'"),
    "needs arguments": ("params nets.py:NeedsArguments", "Try --set width=… --set depth=…"),
    "constructor raises": ("params nets.py:Refuses", "ValueError: not today"),
    "no module made": ("params nets.py:no_module", "returned int"),
    "no model there": ("params nets.py:number", "is of type int"),
    "forward raises": ("flops nets.py:Raises", "RuntimeError: the forward gave up"),
    "empty module": ("flops nets.py:Empty -i 3x8x8", 'missing the required "forward" function'),
    # --set
    "unknown argument": ("params nets.py:Net --set widht=3", "Did you mean width?"),
    "unknown zoo option": ("params resnet18 --set laout=cifar", "Did you mean layout?"),
    "zoo option's value": ("params resnet18 --set layout=imgnet", "'imagenet', 'cifar'"),
    "no value": ("params resnet18 --set layout", "is not key=value"),
    "open bracket": ("params nets.py:Wide --set widths=(1,", "no Python literal"),
    "bad value": ("params nets.py:Net --set width=wide", "cannot be built: TypeError"),
    "weights": ("params torchvision:resnet18 -s weights=DEFAULT", "downloads no weights"),
    # --out
    "no such folder": ("params resnet20 -o absent/table.json", "There is no folder absent"),
    "a folder": ("params resnet20 -o .", "is a folder"),
    "no format in the suffix": ("params resnet20 -o table.xlsx", "names no format"),
    # other commands
    "nothing to check": ("check resnet20", "Nothing to check"),
    "no amount": ("check resnet20 --max-params many", "is no amount"),
    "two points": ("check resnet20 --max-params 1.2.3M", "is no amount"),
    "one model to compare": ("compare resnet20", "two models or more"),
    "no model to compare": ("compare", "Missing argument"),
    "half a sum": ("bottleneck --in 192", "Give a MODEL, or the channels"),
    "sum and model": ("bottleneck resnet50 --in 192 --out 32", "takes no MODEL"),
    "nothing to reduce": ("bottleneck --in 192 --out 32", "Nothing to compare"),
    "no channels": ("bottleneck --in 0 --out 32 --reduce 8", "must be 1 or more"),
    "even kernel": ("bottleneck --in 8 --out 8 --kernel 4 --factor v2", "odd kernel"),
    "what fvcore cannot run": ("flops nets.py:ReturnsNumber --against fvcore", "fvcore cannot run"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_message_and_exit_2(cli, name, tmp_path) -> None:
    line, message = BAD[name]
    before = sorted(tmp_path.iterdir())
    run = cli(line)
    assert run.code == 2, run
    assert message in run.err.replace("\n", " ")
    assert run.out == ""
    assert "Traceback" not in run.err
    assert "fault of archlab" not in run.err
    assert sorted(path for path in tmp_path.iterdir() if path.name != "__pycache__") == before


def test_messages_of_archlab_are_one_line(cli) -> None:
    for line in ("params googlnet", "flops resnet18 -i 5x32x32", "params nets.py:Nett"):
        err = cli(line).err
        assert err.startswith("archlab: ")
        assert err.count("\n") == 1


def test_without_timm(cli, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    for line in ("params timm:convnext_tiny", "models --source timm"):
        run = cli(line)
        assert (run.code, run.out) == (2, "")
        assert "timm is not installed: pip install timm" in run.err


def test_without_torch(cli, monkeypatch) -> None:
    def absent(*_args, **_kwargs):
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(api, "params", absent)
    run = cli("params resnet20")
    assert (run.code, run.out) == (2, "")
    assert run.err == (
        "archlab: No module named 'torch'. A package is missing or broken: `archlab doctor` says "
        "which, and the command that gets it.\n"
    )
    with pytest.raises(ModuleNotFoundError):
        cli("params resnet20 --debug")


def test_debug_shows_the_traceback(cli) -> None:
    for line in ("params googlnet --debug", "--debug params googlnet"):
        with pytest.raises(archlab.ArchlabError, match="googlnet"):
            cli(line)


def test_a_fault_of_our_own_is_said_so(cli, monkeypatch) -> None:
    # Raised in no file of a user's, as which a function of this file would count.
    monkeypatch.setattr(api, "params", lambda *_, **__: 1)
    run = cli("params resnet20")
    assert (run.code, run.out) == (70, "")
    assert "unexpected AttributeError: 'int' object has no attribute 'table'" in run.err
    assert "--debug" in run.err
    with pytest.raises(AttributeError):
        cli("params resnet20 --debug")


def test_interruption(cli, monkeypatch) -> None:
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(api, "params", interrupt)
    assert cli("params resnet20").code == 130


@pytest.mark.parametrize(
    ("suffix", "start"),
    [(".json", "{"), (".csv", "path,type"), (".md", "resnet20 ·"), (".txt", "resnet20 ·")],
)
def test_out_writes_the_format_of_the_suffix(cli, tmp_path, suffix, start) -> None:
    run = cli(f"params resnet20 --out table{suffix}")
    assert (run.code, run.out, run.err) == (0, "", f"wrote table{suffix}\n")
    text = (tmp_path / f"table{suffix}").read_text()
    assert text.startswith(start)
    assert text.endswith("\n")


def test_out_and_format_may_differ(cli, tmp_path) -> None:
    assert cli("params resnet20 --out table.txt --format json").code == 0
    assert (tmp_path / "table.txt").read_text().startswith("{")
    assert cli("bottleneck --in 8 --out 8 --reduce 2 --out sum.json").code == 0
    assert (tmp_path / "sum.json").read_text().startswith("{")


def test_a_dash_is_the_terminal(cli, tmp_path) -> None:
    assert cli("params resnet20 --out -").out.startswith("resnet20 ·")
    assert not (tmp_path / "-").exists()


def test_a_failed_command_leaves_the_old_file(cli, tmp_path) -> None:
    (tmp_path / "table.json").write_text("old")
    assert cli("params nets.py:Raises --out table.json").code == 2
    assert (tmp_path / "table.json").read_text() == "old"


def test_a_failing_disk_leaves_the_old_file_and_no_other(cli, tmp_path, monkeypatch) -> None:
    (tmp_path / "table.json").write_text("old")
    names = sorted(path.name for path in tmp_path.iterdir())

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archlab.files.Path, "replace", full)
    run = cli("params resnet20 --out table.json")
    assert run.code == 74
    assert run.err == "archlab: table.json cannot be written: No space left on device.\n"
    assert (tmp_path / "table.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(cli, tmp_path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    run = cli("params resnet20 --out locked/table.json")
    assert (run.code, "permission denied" in run.err) == (2, True)


def test_permission_is_asked_before_the_work(cli, monkeypatch, tmp_path) -> None:
    (tmp_path / "table.json").write_text("old")
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    monkeypatch.setattr(api, "Model", None)  # would fail differently
    run = cli("params resnet20 --out table.json")
    assert run.code == 2
    assert "cannot be written: permission denied" in run.err


def test_links_and_devices_are_written_through(cli, tmp_path) -> None:
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    assert cli("params resnet20 --out link.json").code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text().startswith("{")
    assert cli(f"params resnet20 --out {os.devnull} --format json").code == 0
    assert not os.path.isfile(os.devnull)


def test_files_are_readable_by_others(cli, tmp_path) -> None:
    mask = os.umask(0o022)
    try:
        cli("params resnet20 --out table.json")
    finally:
        os.umask(mask)
    assert (tmp_path / "table.json").stat().st_mode & 0o777 == 0o644


def test_write_reports_what_the_system_says(tmp_path) -> None:
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        archlab.files.write(tmp_path / "absent" / "table.json", "text")


def test_user_code_may_warn(cli, tmp_path) -> None:
    (tmp_path / "loud.py").write_text(
        "import warnings\nfrom torch import nn\n\n"
        "class Net(nn.Linear):\n    def __init__(self):\n"
        "        super().__init__(4, 4)\n        warnings.warn('loud')\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cli("params loud.py:Net").code == 0
