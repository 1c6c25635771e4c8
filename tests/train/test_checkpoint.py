"""Checkpoints give the model back, and say clearly why they do not."""

import pytest
import torch

import archlab
from archlab import zoo
from archlab.errors import RunError
from archlab.runs import record
from archlab.runs.recipe import RECIPES
from archlab.train import checkpoint
from archlab.train.finetune import Freeze
from archlab.train.run import execute


@pytest.fixture
def trained(planned, images):
    folder = planned("trained")
    execute(folder, images=images)
    return folder


def test_a_checkpoint_gives_the_model_back(trained, images, weights) -> None:
    net = checkpoint.load_model(trained)
    own = {f"model.{key}": value for key, value in net.state_dict().items()}
    tensors = weights(trained)
    assert all(torch.equal(own[key], tensors[key]) for key in own)


def test_bad_checkpoints(trained, tmp_path) -> None:
    last = trained / record.CHECKPOINT
    for content, expected in (
        (last.read_bytes()[:2000], "truncated"),
        (b"", "truncated"),
        (b"text", "truncated"),
    ):
        (tmp_path / "bad.ckpt").write_bytes(content)
        with pytest.raises(RunError, match=expected):
            checkpoint.read(tmp_path / "bad.ckpt")
    torch.save({"weights": 1}, tmp_path / "other.ckpt")
    with pytest.raises(RunError, match="no state_dict"):
        checkpoint.read(tmp_path / "other.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "silent.ckpt")
    with pytest.raises(RunError, match="Add model with the spec"):
        checkpoint.load_model(tmp_path / "silent.ckpt")
    with pytest.raises(RunError, match="holds weights of resnet8, not of plain14"):
        checkpoint.load_model(last, "plain14")


def test_a_net_named_by_the_user_has_the_layout_of_the_images(tmp_path) -> None:
    small = zoo.build("plain18", layout="cifar")
    path = tmp_path / "own.ckpt"
    torch.save({"state_dict": {f"model.{k}": v for k, v in small.state_dict().items()}}, path)
    assert checkpoint.load_model(path, "plain18", (1, 28, 28)).input_shape == (3, 32, 32)
    with pytest.raises(RunError, match="not of plain18: 3 tensors are missing or of another shape"):
        checkpoint.load_model(path, "plain18", (3, 96, 96))


def test_a_truncated_checkpoint_is_named_when_a_run_goes_on(trained, images) -> None:
    (trained / record.DONE).unlink()
    last = trained / record.CHECKPOINT
    last.write_bytes(last.read_bytes()[:1000])
    with pytest.raises(RunError, match="it is truncated"):
        execute(trained, images=images)


def stranger(path, spec: object, options: object) -> None:
    """Write a checkpoint that says how its net is built."""
    torch.save({"state_dict": {}, "archlab": {"spec": spec, "options": options}}, path)


@pytest.mark.parametrize("spec", ["os:system", "subprocess:Popen", "net.py:Net", "torch.hub:load"])
def test_a_checkpoint_runs_no_code(spec: str, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("open('ran', 'w').close()\n")
    path = tmp_path / "of-a-stranger.ckpt"
    stranger(path, spec, {"command": "touch ran"})
    with pytest.raises(RunError, match=f"add model='{spec}'"):
        checkpoint.load_model(path)
    with pytest.raises(RunError, match=f"add model='{spec}'"):
        archlab.evaluate_model(path, data="embedded")
    with pytest.raises(RunError, match=f"add model='{spec}'"):
        archlab.finetune_model(path, data="embedded")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("spec", "options"),
    [
        (["resnet8"], {}),
        ("resnet8", ["num_classes"]),
        ("resnet8", {"num_classes": torch.ones(2)}),
        (3, {}),
    ],
)
def test_what_archlab_never_writes_is_refused(spec: object, options: object, tmp_path) -> None:
    path = tmp_path / "odd.ckpt"
    stranger(path, spec, options)
    with pytest.raises(RunError, match="in the way that archlab writes it"):
        checkpoint.load_model(path)


def test_a_checkpoint_of_own_code_is_built_where_the_user_names_the_code(tmp_path) -> None:
    source = "from torch import nn\n\n\ndef net(width=2):\n    return nn.Linear(width, 3)\n"
    (tmp_path / "own.py").write_text(source)
    spec = f"{tmp_path / 'own.py'}:net"
    weights = {f"model.{key}": value for key, value in torch.nn.Linear(5, 3).state_dict().items()}
    about = {"spec": spec, "options": {"width": 5}}
    torch.save({"state_dict": weights, "archlab": about}, tmp_path / "own.ckpt")
    net = checkpoint.load_model(tmp_path / "own.ckpt", spec)
    assert torch.equal(net.weight, weights["model.weight"])


def test_advice_to_run_what_a_pickle_holds_is_not_passed_on(tmp_path) -> None:
    path = tmp_path / "objects.ckpt"
    torch.save({"state_dict": {}, "path": tmp_path}, path)
    with pytest.raises(RunError, match="could run code: save it again") as caught:
        checkpoint.read(path)
    assert "weights_only" not in str(caught.value)


def test_nor_is_it_for_a_file_that_is_something_else(tmp_path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import torch\n")
    with pytest.raises(RunError, match="can be read \\(no pickle of tensors\\)") as caught:
        checkpoint.read(path)
    assert "weights_only" not in str(caught.value)


LAZY = """
from torch import nn

class Lazy(nn.Sequential):
    def __init__(self, num_classes=10):
        super().__init__(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(),
                         nn.LazyLinear(num_classes))

class Late(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.head = None

    def forward(self, x):
        if self.head is None:
            self.head = nn.Linear(256, 10)
        return self.head(x.flatten(1))
"""


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_a_lazy_net_is_loaded_tested_tuned_and_exported(planned, images, source, tmp_path) -> None:
    (tmp_path / "lazy.py").write_text(LAZY)
    spec = f"{tmp_path / 'lazy.py'}:Lazy"
    folder = planned("lazy", model=spec)
    outcome = execute(folder, images=images, trusted=spec)
    net = archlab.load_model(folder, model=spec)
    assert net[0].weight.shape == (4, 1, 3, 3)
    assert net[3].weight.shape == (10, 4 * 14 * 14)
    tested = archlab.evaluate_model(folder, data=source, model=spec)
    assert 100 * (1 - tested.totals.accuracy) == pytest.approx(outcome.test_error)
    tuned = archlab.finetune_model(
        folder, data=source, model=spec, recipe=RECIPES["demo"], freeze=Freeze(()), alone=True,
        out=tmp_path / "tuned",
    )  # fmt: skip
    assert [row.status for row in tuned.rows] == ["done"]
    written = archlab.export_model(folder, to="pt2", input="1x16x16", model=spec)
    scores = torch.export.load(written).module()(torch.zeros(2, 1, 16, 16))
    assert torch.allclose(scores, net(torch.zeros(2, 1, 16, 16)), atol=1e-6)


def test_layers_of_a_first_forward_are_named_as_the_reason(planned, images, tmp_path) -> None:
    (tmp_path / "lazy.py").write_text(LAZY)
    spec = f"{tmp_path / 'lazy.py'}:Late"
    folder = planned("late", model=spec)
    execute(folder, images=images, trusted=spec)
    with pytest.raises(RunError, match=r"as it is built now.*makes layers in its first forward"):
        archlab.load_model(folder, model=spec)
