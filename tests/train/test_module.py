"""The LightningModule: loss by hand, auxiliary heads, optimizer and schedule, the careful start."""

from dataclasses import replace

import pytest
import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn import functional

from archlab.errors import DataError
from archlab.runs.recipe import Recipe
from archlab.train.data import ImageData
from archlab.train.module import Classifier

SHORT = Recipe(
    name="short", steps=6, batch_size=16, learning_rate=0.1, pad=0, flip=False, schedule="steps",
    milestones=(2, 4), warmup_steps=0,
)  # fmt: skip
QUIET = {
    "logger": False, "enable_checkpointing": False, "enable_progress_bar": False,
    "enable_model_summary": False, "accelerator": "cpu",
}  # fmt: skip
pytestmark = pytest.mark.filterwarnings(
    # Lightning's hints on small sets, and torch's on what Lightning calls.
    "ignore::lightning_fabric.utilities.warnings.PossibleUserWarning",
    "ignore:.*LeafSpec.*:FutureWarning",
    "ignore:.*LeafSpec.*:DeprecationWarning",
)


class Aux(nn.Module):
    """Answers as GoogLeNet does: three logits in training, one in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(4, 3) for _ in range(3))

    def forward(self, x):
        logits = [head(x.flatten(1)) for head in self.heads]
        return tuple(logits) if self.training else logits[0]


def test_auxiliary_losses_count_three_tenths() -> None:
    module = Classifier(Aux(), "fast", log=False)
    images, labels = torch.randn(5, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1])
    answer = module.training_step((images, labels), 0)
    each = [functional.cross_entropy(head(images.flatten(1)), labels)
            for head in module.model.heads]  # fmt: skip
    torch.testing.assert_close(answer["loss"], each[0] + 0.3 * each[1] + 0.3 * each[2])
    wrong = (module.model.heads[0](images.flatten(1)).argmax(1) != labels).sum()
    assert answer["wrong"] == wrong


def test_googlenet_trains_and_answers_with_logits() -> None:
    module = Classifier("googlenet", "fast", options={"layout": "cifar"}, log=False)
    images = torch.randn(2, 3, 32, 32)
    module.training_step((images, torch.tensor([1, 2])), 0)["loss"].backward()
    assert module.model.aux1 is not None
    assert all(weight.grad is not None for weight in module.model.aux1.parameters())
    assert module.eval()(images).shape == (2, 10)


def test_small_images_on_a_net_for_large_ones_are_warned_of() -> None:
    batch = torch.randn(2, 3, 32, 48), torch.tensor([1, 2])
    module = Classifier("resnet18", "fast")
    assert (module.options, module.model.input_shape) == ({"layout": "imagenet"}, (3, 224, 224))
    with pytest.warns(UserWarning, match=r"resnet18 is built for .* 224x224 .* these have 32x48: "):
        module.on_train_batch_start(batch, 0)
    module.on_train_batch_start(batch, 1)  # said once an epoch
    module.on_train_batch_start((torch.randn(2, 3, 96, 96), batch[1]), 0)
    for spec, options in (("resnet18", {"layout": "imagenet"}), ("resnet8", {})):
        Classifier(spec, "fast", options=options).on_train_batch_start(batch, 0)


def test_rates_follow_the_steps(images) -> None:
    rates = []

    class Note(pl.Callback):
        def on_train_batch_start(self, trainer, *_) -> None:
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    module = Classifier("resnet8", SHORT, options={"in_channels": 1}, log=False)
    trainer = pl.Trainer(max_steps=6, limit_val_batches=0, callbacks=[Note()], **QUIET)
    trainer.fit(module, datamodule=ImageData(images, SHORT))
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])
    group = trainer.optimizers[0].param_groups[0]
    assert (group["momentum"], group["weight_decay"]) == (0.9, 1e-4)


def test_labels_are_smoothed_as_torch_does() -> None:
    recipe = replace(SHORT, label_smoothing=0.2)
    module = Classifier(Aux(), recipe, log=False)
    images, labels = torch.randn(5, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1])
    # Szegedy et al. 2016, section 7: 0.8 of the target on its class, and 0.2 spread over all three.
    targets = 0.8 * functional.one_hot(labels, 3) + 0.2 / 3
    each = [-(targets * head(images.flatten(1)).log_softmax(1)).sum(1).mean()
            for head in module.model.heads]  # fmt: skip
    loss = module.training_step((images, labels), 0)["loss"]
    torch.testing.assert_close(loss, each[0] + 0.3 * each[1] + 0.3 * each[2])


def test_lightning_averages_where_the_recipe_does(images) -> None:
    """In one's own Trainer it is Lightning's callback."""
    recipe = replace(SHORT, ema_decay=0.9)
    module = Classifier("resnet8", recipe, options={"in_channels": 1}, log=False)
    trainer = pl.Trainer(max_steps=3, limit_val_batches=0, **QUIET)
    trainer.fit(module, datamodule=ImageData(images, recipe))
    names = [type(callback).__name__ for callback in trainer.callbacks]
    assert names.count("EMAWeightAveraging") == 1
    assert Classifier("resnet8", SHORT).configure_callbacks() == []


def test_categories_of_a_recipe_reach_the_net() -> None:
    module = Classifier("resnet8", replace(SHORT, categories=7))
    assert module.model.fc.out_features == 7


def test_a_config_file_as_in_the_chapter(tmp_path) -> None:
    (tmp_path / "config.yaml").write_text("categories: 12\nlearning_rate: 0.02\n")
    module = Classifier("resnet8", str(tmp_path / "config.yaml"))
    assert (module.model.fc.out_features, module.recipe.learning_rate) == (12, 0.02)
    assert module.recipe.name == "lesson"


def test_lightning_logs_loss_and_accuracy(images, tmp_path) -> None:
    from pytorch_lightning.loggers import CSVLogger

    from archlab.runs.logs import read_logs

    module = Classifier("resnet8", SHORT, options={"in_channels": 1})
    settings = {**QUIET, "logger": CSVLogger(tmp_path, name="", version="")}
    trainer = pl.Trainer(max_epochs=2, **settings)
    trainer.fit(module, datamodule=ImageData(images, SHORT))
    series = read_logs(tmp_path)
    for name in ("train_loss", "train_acc", "val_loss", "val_acc"):
        steps, values = series[name]
        assert len(values) == 2
        assert steps == [4.0, 9.0]
        assert all(0 <= value <= (1 if name.endswith("acc") else 99) for value in values)
    (result,) = trainer.test(module, datamodule=ImageData(images, SHORT), verbose=False)
    assert result["test_acc"] == pytest.approx(series["val_acc"][1][-1])


@pytest.mark.parametrize("call", ["fit", "validate"])
def test_grey_images_for_a_net_of_colours_say_what_to_do(images, call) -> None:
    trainer = pl.Trainer(max_steps=1, **QUIET)
    with pytest.raises(DataError, match="net takes 3 channels, and the images have 1") as caught:
        getattr(trainer, call)(Classifier("resnet8", SHORT), datamodule=ImageData(images, SHORT))
    # What the message tells to do works, both ways.
    assert "channels = 3" in str(caught.value)
    assert "options={'in_channels': 1}" in str(caught.value)
    data = ImageData(images, SHORT)
    data.channels = 3
    pl.Trainer(max_steps=1, **QUIET).fit(Classifier("resnet8", SHORT), datamodule=data)
    grey = Classifier("resnet8", SHORT, options={"in_channels": 1})
    pl.Trainer(max_steps=1, **QUIET).fit(grey, datamodule=ImageData(images, SHORT))


def test_another_error_of_the_net_stays_as_it_is() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(7, 2))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        Classifier(net, SHORT)(torch.zeros(2, 1, 8, 8))
