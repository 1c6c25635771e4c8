"""Lightning's own tools on the module and the data: finders, checkpoints, predictions, loggers."""

import pytest
import pytorch_lightning as pl
import torch
import yaml
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from pytorch_lightning.tuner import Tuner
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import archlab
from archlab.errors import OptionError, RunError
from archlab.runs import record
from archlab.runs.recipe import RECIPES, Recipe
from archlab.train.data import ImageData
from archlab.train.evaluate import evaluate
from archlab.train.module import Classifier
from archlab.train.run import execute

SHORT = Recipe(name="short", epochs=1, batch_size=16, learning_rate=0.1, pad=0, flip=False)
GREY = {"in_channels": 1, "widths": (4, 4, 4)}
PLAIN = (bool, int, float, str, type(None))
QUIET = {
    "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False, "accelerator": "cpu",
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings(
    "ignore::lightning_fabric.utilities.warnings.PossibleUserWarning",
    "ignore:.*LeafSpec.*:FutureWarning",
    "ignore:.*LeafSpec.*:DeprecationWarning",
    "ignore:.*lr_scheduler.step.*:UserWarning",
)


@pytest.fixture
def module() -> Classifier:
    torch.manual_seed(0)
    return Classifier("resnet8", SHORT, options=GREY)


@pytest.fixture
def data(images) -> ImageData:
    return ImageData(images, SHORT, seed=7)


@pytest.fixture
def saved(module, data, tmp_path):
    """A checkpoint of the user's own Trainer."""
    trainer = pl.Trainer(max_steps=3, limit_val_batches=0, **QUIET)
    trainer.fit(module, datamodule=data)
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    return tmp_path / "own.ckpt"


def test_the_rate_that_lightning_finds_is_the_rate_that_is_trained_with(module, tmp_path) -> None:
    data = ImageData("embedded", SHORT)
    trainer = pl.Trainer(max_epochs=1, limit_val_batches=0, default_root_dir=tmp_path, **QUIET)
    found = Tuner(trainer).lr_find(module, datamodule=data, num_training=20)
    assert found.suggestion() != SHORT.learning_rate
    assert module.learning_rate == module.recipe.learning_rate == found.suggestion()
    assert module.hparams_initial["learning_rate"] == found.suggestion()
    trainer = pl.Trainer(max_steps=1, limit_val_batches=0, **QUIET)
    trainer.fit(module, datamodule=data)
    assert trainer.optimizers[0].param_groups[0]["initial_lr"] == found.suggestion()


def test_the_batch_size_that_lightning_finds_is_what_the_data_gives(module, data, tmp_path) -> None:
    trainer = pl.Trainer(max_epochs=1, limit_val_batches=0, default_root_dir=tmp_path, **QUIET)
    size = Tuner(trainer).scale_batch_size(
        module, datamodule=data, init_val=4, max_trials=4, steps_per_trial=1
    )
    assert size == data.batch_size == data.hparams["batch_size"] == 32  # 4, 8, 16, 32
    pixels, labels = next(iter(data.train_dataloader()))
    assert len(pixels) == len(labels) == 32
    # No size beyond that of the set is tried.
    trainer = pl.Trainer(max_epochs=1, limit_val_batches=0, default_root_dir=tmp_path, **QUIET)
    size = Tuner(trainer).scale_batch_size(module, datamodule=data, init_val=64, steps_per_trial=1)
    assert size == 128  # of 80 images: the first power that holds them all


def test_a_checkpoint_of_a_trainer_gives_the_classifier_back(module, saved) -> None:
    again = Classifier.load_from_checkpoint(saved)
    assert (again.spec, again.options, again.recipe) == ("resnet8", module.options, SHORT)
    images = torch.randn(3, 1, 16, 16)
    assert torch.equal(again.eval()(images), module.eval()(images))
    assert Classifier.load_from_checkpoint(saved, recipe="fast").recipe == RECIPES["fast"]
    # And it is a checkpoint of plain values, which the Trainer takes back.
    content = torch.load(saved, weights_only=True)
    assert all(isinstance(value, PLAIN) for value in content["hyper_parameters"].values())
    trainer = pl.Trainer(max_steps=4, limit_val_batches=0, **QUIET)
    data = ImageData("embedded", SHORT)
    trainer.fit(again, datamodule=data, ckpt_path=saved, weights_only=True)
    assert trainer.global_step == 4


def test_a_run_gives_its_classifier(planned, images) -> None:
    folder = planned("run", steps=2)
    execute(folder, images=images)
    for place in (folder, folder / record.CHECKPOINT):
        module = Classifier.load_from_checkpoint(place, map_location="cpu")
        assert module.recipe == record.read_plan(folder).recipe
        state = torch.load(folder / record.CHECKPOINT, weights_only=True)["state_dict"]
        assert torch.equal(module.model.conv1.weight, state["model.conv1.weight"])


def test_a_run_with_averaged_weights_gives_these(planned, images) -> None:
    folder = planned("run", steps=3, ema_decay=0.9)
    execute(folder, images=images)
    state = torch.load(folder / record.CHECKPOINT, weights_only=True)["state_dict"]
    last, averaged = state["model.conv1.weight"], state["average.conv1.weight"]
    assert not torch.equal(last, averaged)
    for net in (Classifier.load_from_checkpoint(folder).model, archlab.load_model(folder)):
        assert torch.equal(net.conv1.weight, averaged)
    # They are what the run has measured: 40 test images.
    error = record.read_metrics(folder)[-1].test_error
    net = archlab.load_model(folder)
    pixels = ImageData(images, record.read_plan(folder).recipe)
    tested = evaluate(net, pixels, "net").totals.accuracy
    assert error == pytest.approx(100 - 100 * tested)


def test_a_checkpoint_of_a_module_of_the_users_says_what_to_give(data, tmp_path) -> None:
    def net() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(256, 10))

    trainer = pl.Trainer(max_steps=1, limit_val_batches=0, **QUIET)
    trained = Classifier(net(), SHORT)
    trainer.fit(trained, datamodule=data)
    trainer.save_checkpoint(tmp_path / "own.ckpt")
    with pytest.raises(RunError, match=r"a module of yours.*Add model"):
        Classifier.load_from_checkpoint(tmp_path / "own.ckpt")
    again = Classifier.load_from_checkpoint(tmp_path / "own.ckpt", model=net())
    assert torch.equal(again.model[1].weight, trained.model[1].weight)
    with pytest.raises(RunError, match="weights of Sequential, not of Linear"):
        Classifier.load_from_checkpoint(tmp_path / "own.ckpt", model=nn.Linear(256, 10))


def test_a_checkpoint_runs_no_code_that_it_names(saved, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text("open('ran', 'w').close()\n")
    content = torch.load(saved, weights_only=True)
    content["archlab"]["spec"] = content["hyper_parameters"]["model"] = "net.py:Net"
    torch.save(content, tmp_path / "bad.ckpt")
    with pytest.raises(RunError, match=r"add model='net\.py:Net'"):
        Classifier.load_from_checkpoint(tmp_path / "bad.ckpt")
    assert not (tmp_path / "ran").exists()
    with pytest.raises(OptionError, match="weights_only=False"):
        Classifier.load_from_checkpoint(saved, weights_only=False)
    content["archlab"] = {"spec": "resnet8", "recipe": 3}
    torch.save(content, tmp_path / "bad.ckpt")
    with pytest.raises(RunError, match="in the way that archlab writes it"):
        Classifier.load_from_checkpoint(tmp_path / "bad.ckpt")


def test_predictions_are_the_logits_of_the_test_images(module, data, images) -> None:
    predicted = torch.cat(pl.Trainer(**QUIET).predict(module, datamodule=data))
    pixels = data.normalizer(torch.from_numpy(images.test_images))
    with torch.no_grad():
        expected = module.eval()(pixels)
    torch.testing.assert_close(predicted, expected)
    labels = torch.from_numpy(images.test_labels)
    for tensors in ((pixels,), (pixels, labels)):
        loader = DataLoader(TensorDataset(*tensors), batch_size=20)
        torch.testing.assert_close(torch.cat(pl.Trainer(**QUIET).predict(module, loader)), expected)
    bare = DataLoader(pixels, batch_size=20)
    torch.testing.assert_close(torch.cat(pl.Trainer(**QUIET).predict(module, bare)), expected)


class Notes(Logger):
    """Keeps what it is told; as in MLflow, a name cannot be told twice with other values."""

    name, version = "notes", "0"

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, object] = {}

    def log_metrics(self, metrics, step=None) -> None:
        pass

    def log_hyperparams(self, params, *_, **__) -> None:
        for name, value in params.items():
            assert self.told.setdefault(name, value) == value, name


def test_loggers_are_told_what_is_trained_and_how(module, data, tmp_path) -> None:
    loggers = [CSVLogger(tmp_path, "csv", ""), TensorBoardLogger(tmp_path, "board", ""), Notes()]
    pl.Trainer(max_steps=1, limit_val_batches=0, **{**QUIET, "logger": loggers}).fit(
        module, datamodule=data
    )
    expected = {
        "model": "resnet8", "options.in_channels": 1, "options.widths": "(4, 4, 4)",
        "recipe": "short", "optimizer": "sgd", "learning_rate": 0.1, "batch_size": 16, "pad": 0,
        "data": data.images.name, "seed": 7, "held_out": 0,
    }  # fmt: skip
    for logger in ("csv", "board"):
        told = yaml.safe_load((tmp_path / logger / "hparams.yaml").read_text())
        assert expected.items() <= told.items()
    told = loggers[2].told
    assert expected.items() <= told.items()
    assert all(isinstance(value, PLAIN) for value in told.values())
    # How long and how precisely is the Trainer's to say.
    assert not {"epochs", "steps", "precision"} & told.keys()


def test_a_run_tells_its_loggers_the_whole_plan(planned, images, tmp_path) -> None:
    folder, notes = planned("run", steps=2, milestones=(1, 2)), Notes()
    csv = CSVLogger(tmp_path, "csv", "")
    execute(folder, images=images, loggers=[notes, csv])
    plan = record.read_plan(folder)
    expected = {
        "model": "resnet8", "options.num_classes": 10, "recipe": "small", "steps": 2,
        "batch_size": 16, "learning_rate": 0.05, "milestones": "(1, 2)", "seed": 1,
        "data": plan.data_name, "fingerprint": plan.fingerprint, "precision": "float32",
    }  # fmt: skip
    assert expected.items() <= notes.told.items()
    assert yaml.safe_load((tmp_path / "csv/hparams.yaml").read_text()) == notes.told
    assert all(isinstance(value, PLAIN) for value in notes.told.values())
    assert not [value for value in notes.told.values() if str(value).startswith("/")]
