"""Nets written as the course writes them: a class, its config.yaml, and a Trainer."""

from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional

import archlab
from archlab.errors import OptionError
from archlab.runs.recipe import RECIPES
from archlab.train.config import ConfigModule, get_device
from archlab.train.data import ImageData

QUIET = {
    "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False,
    "accelerator": "cpu",
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings(
    "ignore::lightning_fabric.utilities.warnings.PossibleUserWarning",
    "ignore:.*LeafSpec.*:FutureWarning",
    "ignore:.*LeafSpec.*:DeprecationWarning",
)


class Inner(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return nn.ReLU()(x + self.conv(x))


class Residual(ConfigModule):
    """Uses what ConfigModule has, as the ResNet-18 of the course does."""

    def __init__(self, model_config="config.yaml"):
        super().__init__(model_config)
        self.stem = nn.Conv2d(1, 4, 3)
        self.block = Inner(4)
        self.fc = nn.Linear(4, self.categories)

    def forward(self, x):
        return self.fc(self.block(self.stem(x)).mean((2, 3)))


class Heads(ConfigModule):
    """Gives auxiliary scores in either mode, and has a loss of its own, as its GoogLeNet does."""

    def __init__(self, model_config="config.yaml"):
        super().__init__(model_config)
        self.heads = nn.ModuleList(nn.Linear(256, self.categories) for _ in range(3))

    def forward(self, x):
        return tuple(head(x.flatten(1)) for head in self.heads)

    def _calculate(self, x, y):
        y_hat, first, second = self(x)
        loss = self.loss_fn(y_hat, y) + 0.3 * self.loss_fn(first, y) + 0.3 * self.loss_fn(second, y)
        return y_hat, loss


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("learning_rate: 0.02\ncategories: 10\nwarmup_steps: 0\n")


@pytest.mark.parametrize("kind", [Residual, Heads])
def test_the_flow_of_the_course(config, images, tmp_path, kind) -> None:
    net = kind()
    net.to(get_device())
    assert archlab.summary(net, (1, 16, 16)).totals.params == sum(
        weight.numel() for weight in net.parameters()
    )
    trainer = pl.Trainer(max_epochs=2, default_root_dir=tmp_path, log_every_n_steps=1, **QUIET)
    trainer.logger = pl.loggers.CSVLogger(tmp_path)
    data = ImageData(images, RECIPES["demo"])
    trainer.fit(net, datamodule=data)
    (result,) = trainer.test(net, datamodule=data, verbose=False)
    # By hand: the share of right answers and the mean loss of the test images.
    pixels, labels = data.part("test")
    net.cpu().eval()
    with torch.no_grad():
        output = net(data.normalizer(pixels))
    logits = output[0] if isinstance(output, tuple) else output
    right = (logits.argmax(1) == labels).float().mean()
    loss = functional.cross_entropy(logits, labels)
    if isinstance(output, tuple):
        loss = loss + sum(0.3 * functional.cross_entropy(each, labels) for each in output[1:])
    assert result["test_acc"] == pytest.approx(float(right))
    assert result["test_loss"] == pytest.approx(float(loss), rel=1e-5)
    curve = archlab.TrainingCurve("./lightning_logs/version_0/")
    assert {"train_loss", "train_acc", "val_loss", "val_acc"} <= curve.series.keys()
    assert curve.plot().is_file()
    predicted = torch.cat(trainer.predict(net, datamodule=data))
    torch.testing.assert_close(predicted, logits)


def test_without_a_loss_of_its_own_auxiliary_scores_count_three_tenths() -> None:
    net = Heads("lesson")
    x, y = torch.randn(5, 1, 16, 16), torch.arange(5)
    for mine, theirs in zip(ConfigModule._calculate(net, x, y), net._calculate(x, y), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_smoothed_labels_are_for_training_alone() -> None:
    net = Heads(replace(RECIPES["lesson"], label_smoothing=0.2))
    logits, labels = torch.randn(6, 10), torch.arange(6)
    # A fifth of each target is spread evenly over the ten classes (Szegedy et al. 2016).
    targets = 0.8 * functional.one_hot(labels, 10) + 0.02
    smoothed = -(targets * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(net.train().loss_fn(logits, labels), smoothed)
    plain = -logits.log_softmax(1)[range(6), range(6)].mean()
    torch.testing.assert_close(net.eval().loss_fn(logits, labels), plain)
    x = torch.randn(6, 1, 16, 16)
    for each in (net.train(), net.eval()):
        torch.testing.assert_close(ConfigModule._calculate(each, x, labels),
                                   each._calculate(x, labels))  # fmt: skip


def test_the_file_says_how_it_is_optimized(config, images) -> None:
    net = Residual("config.yaml")
    assert (net.recipe.name, net.learning_rate, net.categories) == ("lesson", 0.02, 10)
    trainer = pl.Trainer(max_steps=1, limit_val_batches=0, logger=False, **QUIET)
    trainer.fit(net, datamodule=ImageData(images, RECIPES["demo"]))
    group = trainer.optimizers[0].param_groups[0]
    assert (group["initial_lr"], group["weight_decay"]) == (0.02, 5e-4)
    assert net.hparams["learning_rate"] == 0.02


def test_settings_without_a_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match=r"no config\.yaml in this folder: the recipe lesson"):
        assert Residual().recipe == RECIPES["lesson"]
    assert Residual(RECIPES["demo"]).recipe == RECIPES["demo"]
    assert Residual("demo").categories == 10
    with pytest.raises(OptionError, match=r"other\.yaml.* cannot be read"):
        Residual("other.yaml")
    (tmp_path / "config.yaml").write_text("clases: 10\n")
    with pytest.raises(OptionError, match="unknown key 'clases'"):
        Residual()
