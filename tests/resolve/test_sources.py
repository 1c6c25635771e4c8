"""Who builds a model: the zoo, torchvision, timm, a file, a package; and what a bare name means."""

import os
import sys
import urllib.request
import warnings
from pathlib import Path

import pytest
from torch import nn

import archlab
from archlab.errors import BuildError, DependencyError, SpecError
from archlab.resolve import find
from archlab.resolve.sources import library_names
from archlab.spec import parse_model

NETS = Path(__file__).parent / "nets.py"

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    timm = pytest.importorskip("timm")


def source(text: str):
    return find(parse_model(text))


@pytest.fixture(autouse=True)
def no_network(monkeypatch) -> None:
    def refuse(*_args, **_kwargs):
        raise AssertionError("a test wanted the network")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a file in an empty current folder."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, text: str) -> Path:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return make


def test_a_bare_name_is_looked_up_in_the_zoo_first() -> None:
    """All three have a resnet18: the zoo's has layouts."""
    bare = source("resnet18")
    assert (bare.name, bare.family, bare.note) == ("resnet18", "zoo", "")
    assert source("zoo:resnet18").family == "zoo"


def test_then_in_torchvision_then_in_timm() -> None:
    both = source("convnext_tiny")
    assert both.name == "torchvision:convnext_tiny"
    assert both.note == "convnext_tiny is not in the zoo: taken from torchvision:convnext_tiny"
    assert source("vit_tiny_patch16_224").name == "timm:vit_tiny_patch16_224"
    assert archlab.load("vit_tiny_patch16_224").note.endswith("timm:vit_tiny_patch16_224")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("torchvision:resnet50", "image"),
        ("torchvision:fcn_resnet50", "segmentation"),
        ("torchvision:ssd300_vgg16", "detection"),
        ("torchvision:r3d_18", "video"),
        ("torchvision:raft_small", "optical_flow"),
    ],
)
def test_torchvision_families(text, family) -> None:
    assert source(text).family == f"torchvision.{family}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("googlnet", "No model is called 'googlnet'. Did you mean googlenet"),
        ("zoo:convnext_tiny", "No model is called 'convnext_tiny'"),
        ("resnet19", "6n \\+ 2"),
        ("torchvision:resnet51", "torchvision has no model 'resnet51'. Did you mean resnet50"),
        ("timm:convnext_tny", "timm has no model 'convnext_tny'. Did you mean convnext_tiny"),
    ],
)
def test_unknown_names(text, message) -> None:
    with pytest.raises(SpecError, match=message):
        source(text)


def test_without_timm(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(DependencyError, match=r"timm is not installed: pip install timm"):
        source("timm:convnext_tiny")
    with pytest.raises(DependencyError, match="timm is not installed"):
        library_names("timm")
    assert source("convnext_tiny").family == "torchvision.image"
    with pytest.raises(SpecError, match="No model is called"):
        source("vit_tiny_patch16_224")


def test_library_names() -> None:
    assert {"resnet50", "raft_small", "ssd300_vgg16"} <= set(library_names("torchvision"))
    assert "convnext_tiny" in library_names("timm")


@pytest.mark.parametrize(
    "spec", ["torchvision:fcn_resnet50", "torchvision:ssd300_vgg16", "torchvision:raft_small"]
)
def test_no_backbone_is_downloaded(spec) -> None:
    archlab.load(spec)


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        ("torchvision:resnet18", {"weights": "DEFAULT"}),
        ("torchvision:resnet18", {"pretrained": True}),
        ("torchvision:fcn_resnet50", {"weights_backbone": "DEFAULT"}),
        ("timm:resnet18", {"pretrained": True}),
        ("timm:resnet18", {"checkpoint_path": "resnet18.pth"}),
    ],
)
def test_weights_are_refused(spec, options) -> None:
    with pytest.raises(BuildError, match="archlab downloads no weights"):
        archlab.load(spec, **options)


def test_weights_none_is_fine() -> None:
    archlab.load("torchvision:resnet18", weights=None)
    archlab.load("timm:resnet18", pretrained=False)


def test_timm_reparameterized() -> None:
    """RepVGG-A2's training-time branches: timm publishes 25.5 M for the fused net, 28.21 M else."""
    assert round(archlab.params("timm:repvgg_a2").totals.params / 1e6, 2) == 28.21
    fused = archlab.params(archlab.load("timm:repvgg_a2", reparameterize=True)).totals.params
    assert round(fused / 1e6, 2) == 25.5


@pytest.mark.parametrize(
    ("member", "params"),
    [
        ("Net", 3 * 9 * 8 + 8 + 8 * 10 + 10),
        ("factory", 3 * 9 * 4 + 4 + 4 * 10 + 10),
        ("instance", 8 * 4 + 4),
    ],
)
def test_a_file_gives_a_class_a_function_or_an_instance(member, params) -> None:
    assert archlab.params(f"{NETS}:{member}").totals.params == params


def test_relative_paths(monkeypatch) -> None:
    monkeypatch.chdir(NETS.parent)
    assert archlab.params("nets.py:Net").totals.params == 314
    assert archlab.params("./nets.py:Net").totals.params == 314
    monkeypatch.chdir(NETS.parent.parent)
    assert archlab.params("resolve/nets.py:Net").totals.params == 314


def params(member: str, **options: object) -> int:
    return archlab.params(archlab.load(f"{NETS}:{member}", **options)).totals.params


def test_constructor_arguments() -> None:
    assert params("Net", width=2, bias=False) == 2 * 27 + 30
    assert params("Wide", widths=(2, 3)) == 5 * 28 + 60
    assert params("open_factory", width=2) == 2 * 28 + 30


@pytest.mark.parametrize(
    ("member", "options", "message"),
    [
        ("NeedsArguments", {}, "needs arguments: width, depth. Try width=…, depth=…"),
        ("NeedsArguments", {"depth": 3}, "needs arguments: width. Try width=…"),
        ("Net", {"widht": 3}, "takes no argument 'widht'. Did you mean width"),
        ("Net", {"depth": 3}, "It takes: width, bias; archlab itself takes input and batch"),
        ("Net", {"width": "abc"}, "cannot be built: TypeError"),
        ("Net", {"width": -1}, "cannot be built: RuntimeError"),
        ("open_factory", {}, "cannot be built: KeyError: 'width'"),
        ("Refuses", {}, "cannot be built: ValueError: not today"),
        ("no_module", {}, "returned int; a torch.nn.Module is wanted"),
    ],
)
def test_what_cannot_be_built(member, options, message) -> None:
    with pytest.raises(BuildError, match=message):
        archlab.load(f"{NETS}:{member}", **options)


@pytest.mark.parametrize("spec", ["resnet18", f"{NETS}:Net"])
@pytest.mark.parametrize(("keyword", "near"), [("inptu", "input"), ("bacth", "batch")])
def test_a_mistyped_keyword_of_load_is_recognised(spec, keyword, near) -> None:
    with pytest.raises(BuildError, match=f"takes no argument '{keyword}'. Did you mean {near}"):
        archlab.load(spec, **{keyword: "3x8x8"})


def test_a_constructor_that_takes_anything_meets_a_mistyped_keyword_late() -> None:
    for library in ("timm", "torchvision"):
        with pytest.raises(BuildError, match=r"keyword argument 'inptu'\. Did you mean input\?"):
            archlab.load(f"{library}:resnet18", inptu="3x8x8")


def test_an_unknown_option_of_a_zoo_net_suggests_the_nearest() -> None:
    with pytest.raises(BuildError, match=r"takes no argument 'laout'\. Did you mean layout"):
        archlab.load("resnet18", laout="imagenet")


def test_members_that_are_no_model() -> None:
    with pytest.raises(SpecError, match="is of type int; a module, a class of torch"):
        source(f"{NETS}:number")
    with pytest.raises(SpecError, match=r"has no 'Nett'. Did you mean Net\?"):
        source(f"{NETS}:Nett")
    with pytest.raises(SpecError, match="Its modules are: Net, Wide, NeedsArguments"):
        source(f"{NETS}:Transformer")


def test_files_that_cannot_be_read(write) -> None:
    write("broken.py", "def f(:\n")
    write("lonely.py", "import a_package_that_is_not_there\n")
    write("script.py", "import sys\nsys.exit('usage: script.py DATA')\n")
    write("empty.py", "")
    for name, message in (
        ("absent.py", "There is no file 'absent.py'"),
        ("broken.py", "broken.py cannot be imported: SyntaxError"),
        ("lonely.py", "cannot be imported: ModuleNotFoundError.*a_package_that_is_not_there"),
        ("script.py", r"cannot be imported: the code asked to end the process \(SystemExit: usage"),
        ("empty.py", "empty.py has no 'Net'. Its modules are: none"),
    ):
        with pytest.raises((SpecError, BuildError), match=message):
            source(f"{name}:Net")
    assert "archlab_user_broken" not in sys.modules


def test_a_file_may_import_its_neighbours(write) -> None:
    write("nets/blocks_of_mine.py", "from torch import nn\n\ndef block():\n    return nn.ReLU()\n")
    write("nets/main.py", "from blocks_of_mine import block\n")
    before = list(sys.path)
    assert isinstance(source("nets/main.py:block").builder(), nn.ReLU)
    assert sys.path == before


def test_a_package_is_found_from_the_current_folder(write) -> None:
    write("mine_for_archlab/__init__.py", "")
    write("mine_for_archlab/nets.py", "from torch import nn\n\nclass Net(nn.Linear):\n    pass\n")
    options = {"in_features": 3, "out_features": 2}
    assert archlab.params(archlab.load("mine_for_archlab.nets:Net", **options)).totals.params == 8
    with pytest.raises(SpecError, match=r"mine_for_archlab\.nets has no 'Nett'\. Did you mean Net"):
        source("mine_for_archlab.nets:Nett")
    with pytest.raises(SpecError, match=r"There is no module 'mine_for_archlab\.other'"):
        source("mine_for_archlab.other:Net")
    assert os.path.realpath(os.curdir) not in sys.path


def test_an_installed_package() -> None:
    assert archlab.params("torchvision.models:resnet18").totals.params == 11_689_512
    linear = archlab.load("torch.nn:Linear", in_features=3, out_features=2)
    assert archlab.params(linear).totals.params == 8
    with pytest.raises(SpecError, match="There is no module 'no_such_package'"):
        source("no_such_package.nets:Net")


def test_a_package_that_fails_to_import(write) -> None:
    write("fails_for_archlab.py", "raise RuntimeError('half installed')\n")
    with pytest.raises(BuildError, match="cannot be imported: RuntimeError: half installed"):
        source("fails_for_archlab:Net")


def test_a_file_is_run_once_until_it_changes(write) -> None:
    write("nets/counted.py", "from torch import nn\n\nclass Net(nn.ReLU):\n    pass\n")
    first = source("nets/counted.py:Net").builder()
    assert type(source("nets/counted.py:Net").builder()) is type(first)
    # Of another length: Python itself keeps compiled files by their size and second.
    write("nets/counted.py", "from torch import nn\n\nclass Net(nn.Sigmoid):\n    pass\n")
    assert isinstance(source("nets/counted.py:Net").builder(), nn.Sigmoid)
    write("other/counted.py", "from torch import nn\n\nclass Net(nn.ReLU):\n    pass\n")
    assert isinstance(source("other/counted.py:Net").builder(), nn.ReLU)


@pytest.mark.parametrize(
    "spec",
    ["os:system", "subprocess:Popen", "builtins:exec", "pdb:set_trace", "antigravity:fly",
     "json:loads", "archlab.cli:main", "archlab.cli:app", "torch.hub:load", "torch:load"],
)  # fmt: skip
def test_what_is_no_model_is_not_called(spec) -> None:
    with pytest.raises(SpecError, match=r"has no models|Nothing was called"):
        source(spec)
    assert "antigravity" not in sys.modules  # it would open a browser


@pytest.mark.parametrize("name", ["system", "Popen", "run", "partly", "Other", "called", "loads"])
def test_a_file_hands_on_no_function_of_pythons(write, name) -> None:
    write(
        "hands.py",
        "from os import system\nfrom subprocess import Popen, run\nfrom json import loads\n"
        "from functools import partial\nfrom torch import nn\n"
        "partly = partial(system, 'touch ran')\n"
        "class Other:\n    def __init__(self):\n        open('ran', 'w')\n"
        "called = Other.__call__\n",
    )
    with pytest.raises(SpecError, match="Nothing was called"):
        source(f"hands.py:{name}")
    assert not Path("ran").exists()


def test_a_package_of_a_users_may_be_called_as_one_of_pythons(write) -> None:
    write("test/__init__.py", "")
    write("test/nets.py", "from torch import nn\n\nclass Net(nn.ReLU):\n    pass\n")
    own = [name for name in sys.modules if name.split(".")[0] == "test"]
    saved = {name: sys.modules.pop(name) for name in own}
    try:
        assert isinstance(source("test.nets:Net").builder(), nn.ReLU)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "test"]:
            del sys.modules[name]
        sys.modules.update(saved)
